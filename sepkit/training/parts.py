"""The parts of datasets that a training may look at, and how it tells of those that it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sepkit.errors import ConfigError
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.evaluation.declare import declared_dataset
from sepkit.evaluation.splits import split
from sepkit.plugin.registry import Registry

_MOST_NAMED = 5

Parts = tuple[list[Track], list[Track], tuple[str, ...]]
"""Tracks to learn from, tracks to choose by, and the names of those held out."""


def parts_of(datasets: Iterable[Dataset | Path | str], whole: bool, registry: Registry) -> Parts:
    """The parts of several datasets; with `whole` nothing is held out.

    Raises
    ------
    ConfigError, DatasetError
        If they are no list, or one cannot be found.
    """
    if isinstance(datasets, (str, Path, Dataset)):
        raise ConfigError(f"datasets needs a list, given the one value {datasets!r}; write [{datasets!r}]")
    train: list[Track] = []
    valid: list[Track] = []
    held_out: list[str] = []
    for given in datasets:
        parts = split(declared_dataset(given, registry).tracks())
        train += parts["train"] + (parts["test"] if whole else ())
        valid += parts["valid"]
        held_out += () if whole else (track.name for track in parts["test"])
    return train, valid, tuple(held_out)


def told_skipped(names: list[str], without: str) -> Iterator[str]:
    """A remark on tracks that are of no use, if there are any."""
    if names:
        tracks = f"track {names[0]} is" if len(names) == 1 else f"{len(names)} tracks are"
        listed = "" if len(names) == 1 else f": {named(names)}"
        yield f"{tracks} skipped, without {without}{listed}"


def named(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
