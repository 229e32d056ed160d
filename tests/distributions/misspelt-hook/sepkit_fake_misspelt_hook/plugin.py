"""Implements a hook that does not exist."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_seperators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(name="misspelt", summary="never listed", factory="nowhere.at_all:Missing")
