"""Publishes a method that another plugin has already."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(name="rival", summary="never listed", factory="nowhere.at_all:Missing")
    yield SeparatorSpec(name="nmf", summary="never listed", factory="nowhere.at_all:Missing")
