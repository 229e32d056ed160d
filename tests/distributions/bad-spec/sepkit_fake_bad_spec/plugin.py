"""Publishes a method whose name is not in kebab-case."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(name="Bad_Name", summary="never listed", factory="nowhere.at_all:Missing")
