"""Datasets: tracks with known stems, found lazily."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from sepkit.config import Config
from sepkit.errors import AudioError
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.score import Score
from sepkit.problem.statement import published_name

Split = Literal["train", "valid", "test"]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Track:
    """One recording with everything that is known about it; nothing is read before it is asked for.

    What makes something of files gets them from ``functools.partial``, so that a benchmark sees when they change.

    Attributes
    ----------
    name : str
        Distinct within its dataset; may hold slashes.
    stems : mapping of str to Path or callable
        Where the true stems are: a file, or what makes an `Audio`. Empty where they are not known: such a track can be
        learned from, and not be measured on.
    mixture : Path, callable or None
        None when it is the sum of the stems.
    score : Path, callable or None
    f0 : mapping of str to Path or callable
        By source name.
    group : str
        Tracks of one group (a piece, a performer) never come into different parts of a split. By default its name.
    split : str or None
        The part that the dataset itself puts it into.
    """

    name: str
    stems: Mapping[str, Path | Callable[[], Audio]]
    mixture: Path | Callable[[], Audio] | None = None
    score: Path | Callable[[], Score] | None = None
    f0: Mapping[str, Path | Callable[[], F0Track]] = field(default_factory=dict)
    group: str = ""
    split: Split | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "group", self.group or self.name)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems."""
        return tuple(self.stems)

    def load_stems(self) -> dict[str, Audio]:
        """Read all true stems; raises `AudioError`."""
        return {name: self.load_stem(name) for name in self.stems}

    def load_stem(self, name: str) -> Audio:
        """Read one true stem and no other; raises `AudioError`."""
        return _loaded(self.stems[name], Audio.read)

    def load_mixture(self) -> Audio:
        """Read the mixture, or sum the stems; raises `AudioError`."""
        if self.mixture is not None:
            return _loaded(self.mixture, Audio.read)
        stems = self.load_stems()
        shapes = {(stem.samples.shape, stem.sample_rate) for stem in stems.values()}
        if not stems:
            raise AudioError(f"track '{self.name}' has no stems")
        if len(shapes) > 1:
            given = ", ".join(f"{name} {stem}" for name, stem in stems.items())
            raise AudioError(f"the stems of track '{self.name}' differ in shape or rate: {given}")
        total: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = reduce(
            np.add, (stem.samples for stem in stems.values())
        )
        return Audio(total, shapes.pop()[1])

    def load_score(self) -> Score | None:
        """Read the score, where there is one; raises `SideInformationError`."""
        return None if self.score is None else _loaded(self.score, Score.read)

    def load_f0(self) -> dict[str, F0Track]:
        """Read the F0 tracks that there are; raises `SideInformationError`."""
        return {name: _loaded(track, F0Track.read) for name, track in self.f0.items()}


class Dataset(Config):
    """Base of every dataset. Its fields are its options, such as the folder where it lies.

    Examples
    --------
    >>> from sepkit.evaluation import Dataset, Track
    >>> class Singles(Dataset):
    ...     path: Path
    ...
    ...     def tracks(self):
    ...         for folder in sorted(self.path.iterdir()):
    ...             yield Track(name=folder.name, stems={file.stem: file for file in folder.glob("*.wav")})
    """

    @property
    def name(self) -> str:
        """The class name in kebab-case, as it is published."""
        return published_name(type(self).__name__)

    @abstractmethod
    def tracks(self) -> Iterator[Track]:
        """Yield the tracks in a fixed order, without reading audio.

        Raises
        ------
        DatasetError
            If there is no such dataset where the options say.
        """


def _loaded(place: Path | Callable[[], T], read: Callable[[Path], T]) -> T:
    return read(place) if isinstance(place, Path) else place()
