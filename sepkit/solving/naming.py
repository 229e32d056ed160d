"""Names of the files of a separation, by a pattern such as ``song/{source}.{ext}`` or ``{source}/song.{ext}``."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterator

from sepkit.errors import ConfigError

PLAIN = "{source}.{ext}"
"""A folder for every separation."""

_RECORD = "separation"
_END = ".{ext}"


class FileNames:
    """Where the files of a separation lie within a folder of results.

    Parameters
    ----------
    pattern : str
        A relative path in which ``{source}`` stands for the name of a stem and that ends in ``.{ext}``; braces that
        mean themselves are doubled.

    Attributes
    ----------
    folder : str
        The folder that all of them have in common, relative; ``.`` where it is the one of results.
    owned : bool
        Whether that folder is for this separation alone.

    Raises
    ------
    ConfigError
        If the pattern is another, or leads out of the folder.
    """

    def __init__(self, pattern: str) -> None:
        checked_pattern(pattern, {"source", "ext"})
        parts = pattern.split("/")
        first = next(number for number, part in enumerate(parts) if "{source}" in part)
        self.folder = "/".join(part.format() for part in parts[:first]) or "."
        self._rest = "/".join(parts[first:])
        self.owned = self._rest == PLAIN

    def of(self, stem: str, ext: str) -> str:
        """The file of a stem, relative to `folder`."""
        return self._rest.format(source=stem, ext=ext)

    def folder_of(self, stem: str) -> str:
        """A folder that is beside the stems where these share theirs with other separations, relative to `folder`."""
        return "." if self.owned else self.of(stem, "").removesuffix(".")

    @property
    def record(self) -> str:
        """The file of the record, relative to `folder`."""
        return self.of(_RECORD, "json")

    @property
    def picture(self) -> str:
        """The file of the picture, relative to `folder`."""
        return self.of(_RECORD, "png")

    @property
    def of_record(self) -> str:
        """The same, relative to the folder of results."""
        return self.record if self.folder == "." else f"{self.folder}/{self.record}"

    def is_stem(self, name: str, ends: Collection[str], within: Collection[str] = ("", "uncertainty/")) -> bool:
        """Whether a file of this name, relative to `folder`, can be a stem or its uncertainty in some formats."""
        folders = "|".join(within)
        before, after = (re.escape(part.format(ext="")) for part in self._rest.removesuffix("{ext}").split("{source}"))
        found = re.fullmatch(rf"{before}(?:{folders})(?!\.)[^/\\:\0]+{after}(?P<end>[a-z0-9]+)", name)
        return found is not None and found["end"] in ends


def checked_pattern(pattern: str, fields: Collection[str]) -> None:
    """Be sure that a pattern has no fields but some, those that are needed, and stays within its folder.

    Raises
    ------
    ConfigError
    """
    known = ", ".join(f"{{{field}}}" for field in sorted(fields))
    given = f"cannot name files by '{pattern}'"
    try:
        found = list(_fields(pattern))
    except ValueError as error:
        raise ConfigError(f"{given}: {error}; of fields there are {known}") from error
    if set(found) - set(fields):
        raise ConfigError(f"{given}: of fields there are {known}")
    if found.count("source") != 1 or found.count("ext") != 1 or not pattern.endswith(_END):
        raise ConfigError(f"{given}: {{source}} is needed once, and {_END} at the end, as in {{track}}/{PLAIN}")
    parts = pattern.split("/")
    if "\\" in pattern or "\0" in pattern or any(part in ("", ".", "..") or ":" in part for part in parts):
        raise ConfigError(f"{given}: it has to stay within the folder of results, as {{track}}/{PLAIN} does")


def _fields(pattern: str) -> Iterator[str]:
    for _, field, form, conversion in string.Formatter().parse(pattern):
        if field is not None:
            if form or conversion or not field.isidentifier():
                raise ValueError(f"'{{{field}}}' is more than a name")
            yield field
