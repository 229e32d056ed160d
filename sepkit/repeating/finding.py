"""Finding again what a separation was made from, and being sure that it is the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sepkit.errors import ConfigError
from sepkit.repeating.record import Record
from sepkit.solving.digests import digest_path

T = TypeVar("T")


def found(
    record: Record,
    name: str,
    path: str | None,
    read: Callable[[Path], T],
    digest: Callable[[T], str],
    given: str,
    wanted: str | None = None,
) -> T:
    """What is in a file of the record, from the first place where it has the digest that it had.

    Parameters
    ----------
    record : Record
    name : str
        What it is in the record: ``"f0:voice"``.
    path : str or None
        Where it was.
    read, digest : callable
    given : str
        How another is given instead: ``"f0=... or --f0"``.
    wanted : str, optional
        The digest; by default what the record has of inputs under `name`.

    Raises
    ------
    ConfigError
        If it is nowhere, or another now.
    """
    instead = f"give one with {given}"
    if path is None:
        raise ConfigError(f"the record's '{name}' was no file and cannot be read again; {instead}")
    places = [place for place in record.places(path) if os.path.exists(place)]
    if not places:
        raise ConfigError(f"the record's '{name}' is missing: there is no {path}; put it back, or {instead}")
    for place in places:
        value = read(place)
        if digest(value) == (wanted or record.inputs.get(name)):
            return value
    raise ConfigError(
        f"the record's '{name}' has changed: {places[0]} has another digest now; put it back or {instead}"
    )


def found_all(
    record: Record, name: str, told: Any, read: Callable[[Path], Any], digest: Callable[[Any], str], given: str
) -> Any:
    """`found` for every path in mappings and lists of them."""
    if isinstance(told, Mapping):
        return {key: found_all(record, f"{name}:{key}", one, read, digest, given) for key, one in told.items()}
    if isinstance(told, (list, tuple)):
        return tuple(found_all(record, f"{name}:{at}", one, read, digest, given) for at, one in enumerate(told))
    return found(record, name, told, read, digest, given)


def with_files(
    record: Record, owner: str, options: Mapping[str, Any], given: str, but: Collection[str] = ()
) -> dict[str, Any]:
    """Options with the files that they name where these are now.

    Parameters
    ----------
    record : Record
    owner : str
        Whose they are in the record: the method, or the label of a statement.
    options : mapping
    given : str
        How others are given instead.
    but : collection of str
        Options that are left as they are.

    Raises
    ------
    ConfigError
        As of `found`.
    """
    moved: dict[str, Any] = dict(options)
    for name, path in record.given.options.items():
        whose, _, at = name.partition(": ")
        if whose == owner and at.split(".")[0] not in but:
            place = found(record, name, path, lambda one: one, digest_path, given)
            moved = _replaced(moved, at.split("."), str(place))
    return moved


def _replaced(value: Any, at: Sequence[str], new: str) -> Any:
    """A copy of nested options with the value at a place replaced; as it is where there is no such place."""
    if not at:
        return new
    # Keys of a mapping may hold dots themselves.
    if isinstance(value, Mapping):
        for count in range(1, len(at) + 1):
            key = ".".join(at[:count])
            if key in value:
                return {**value, key: _replaced(value[key], at[count:], new)}
    if isinstance(value, (list, tuple)) and at[0].isdigit() and int(at[0]) < len(value):
        index = int(at[0])
        return [*value[:index], _replaced(value[index], at[1:], new), *value[index + 1 :]]
    return value
