"""Hooks in a module that loads NumPy."""

from collections.abc import Iterator

import numpy as np

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="heavy-hooks",
        summary=f"looks at {np.__name__} to tell what it does",
        reference="none: made for the tests",
        factory="tests.zoo.good:Shares",
        config="tests.zoo.good:SharesConfig",
    )
