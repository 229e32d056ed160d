"""Yields what is no spec."""

from collections.abc import Iterator

from sepkit.plugin import hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[str]:
    yield "nonsense"
