"""Raises after the first of its specs."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(name="first-half", summary="never listed", factory="nowhere.at_all:Missing")
    raise LookupError("the second half is missing")
