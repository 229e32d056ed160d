"""Written for a contract of the future."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 99


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(name="from-the-future", summary="never listed", factory="nowhere.at_all:Missing")
