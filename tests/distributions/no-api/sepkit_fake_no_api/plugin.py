"""States no version of the contract."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(name="from-nowhere", summary="never listed", factory="nowhere.at_all:Missing")
