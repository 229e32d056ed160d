"""The tracks of several datasets, under names that tell them apart."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from sepkit.errors import ConfigError, DatasetError
from sepkit.evaluation.dataset import Dataset, Split, Track
from sepkit.evaluation.declare import declared_dataset
from sepkit.plugin.registry import Registry


@dataclass(frozen=True)
class Source:
    """A dataset and how it was asked for.

    Attributes
    ----------
    text : str
        As at the command line, or what comes near to it.
    repeatable : bool
        Whether it was given as that text.
    label : str
        Distinct and short.
    dataset : Dataset
    """

    text: str
    repeatable: bool
    label: str
    dataset: Dataset


@dataclass(frozen=True)
class Labelled:
    """A track of one of the datasets.

    Attributes
    ----------
    label : str
        Distinct among all: with the label of its dataset when there are several.
    track : Track
    dataset : Dataset
    """

    label: str
    track: Track
    dataset: Dataset


def declared_sources(given: Iterable[Dataset | Path | str], registry: Registry) -> tuple[Source, ...]:
    """Datasets with distinct labels.

    Raises
    ------
    UnknownNameError, ConfigError, DatasetError
    """
    if isinstance(given, (str, Path, Dataset)):
        raise ConfigError(f"datasets needs a list, given the one value {given!r}; write [{given!r}]")
    sources: list[Source] = []
    for one in given:
        dataset, text = declared_dataset(one, registry), _text(one)
        if any(source.text == text for source in sources):
            raise ConfigError(f"the dataset {text} was given twice")
        sources.append(Source(text, not isinstance(one, Dataset), _short(text, dataset), dataset))
    if not sources:
        raise ConfigError("a benchmark needs at least one dataset")
    counts = Counter(source.label for source in sources)
    return tuple(replace(source, label=source.text) if counts[source.label] > 1 else source for source in sources)


def chosen_tracks(sources: tuple[Source, ...], part: Split | None) -> tuple[Labelled, ...]:
    """All tracks, or those of one part of a split, in the order of the datasets.

    The split is that of seed 0 whatever the seed of the benchmark, so that every seed is measured on the same tracks.

    Raises
    ------
    DatasetError
        If there are none, or a dataset has two of one name.
    """
    found = []
    for source in sources:
        tracks = tuple(source.dataset.tracks())
        twice = [name for name, count in Counter(track.name for track in tracks).items() if count > 1]
        if twice:
            raise DatasetError(f"dataset {source.text} has two tracks called '{twice[0]}'; names need to be distinct")
        if part is not None:
            from sepkit.evaluation.splits import split

            tracks = split(tracks)[part]
        prefix = f"{source.label}/" if len(sources) > 1 else ""
        found += [Labelled(f"{prefix}{track.name}", track, source.dataset) for track in tracks]
    if not found:
        place = ", ".join(source.text for source in sources)
        raise DatasetError(f"there are no tracks in {f'the part {part} of ' if part else ''}{place}")
    return tuple(found)


def _text(given: Dataset | Path | str) -> str:
    if not isinstance(given, Dataset):
        return os.fspath(given)
    options = given.model_dump(mode="json", exclude_defaults=True)
    return ":".join(filter(None, [given.name, ",".join(f"{key}={json.dumps(v)}" for key, v in options.items())]))


def _short(text: str, dataset: Dataset) -> str:
    """The name of the folder, when the text is the path of one, else of the dataset."""
    name = text.partition(":")[0]
    return name if name == dataset.name else Path(os.path.abspath(text)).name or text
