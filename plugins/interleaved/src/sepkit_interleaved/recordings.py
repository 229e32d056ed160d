"""What a task shows its network: excerpts of a target and of what sounds beside it, mixed as they never were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import DatasetError
from sepkit.evaluation.dataset import Track
from sepkit.music.audio import Audio, fit_length

Samples = NDArray[np.float32]
_Kept = NDArray[np.float16]
"""Recordings are kept in half precision: noise at -66 dB is nothing to a mask, and memory is."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A mixture, and those of its stems that somebody asked for.

    Attributes
    ----------
    name : str
        Of the track.
    mixture : ndarray [shape=(channels, samples)]
        In units of `peak`, as are the stems.
    peak : float
    stems : dict of str to ndarray [shape=(channels, samples)]
    """

    name: str
    mixture: _Kept
    peak: float
    stems: dict[str, _Kept] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """In samples."""
        return int(self.mixture.shape[-1])

    def parts(self, targets: Sequence[str], start: int, length: int) -> Samples:
        """Some samples of the targets, and of all the rest together [shape=(targets + 1, channels, length)]."""
        within = slice(start, start + length)
        parts = np.stack([*(self.stems[target][:, within] for target in targets), self.mixture[:, within]])
        parts = parts.astype(np.float32) * np.float32(self.peak)
        parts[-1] -= parts[:-1].sum(axis=0)
        return np.pad(parts, ((0, 0), (0, 0), (0, length - parts.shape[-1])))


class Library:
    """Reads every track once, however many tasks learn from it, and no stem that none of them asked for.

    Parameters
    ----------
    sample_rate : int
        To which everything is brought, in Hz.
    channels : int
        1 or 2.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._sample_rate, self._channels = sample_rate, channels
        self._read: dict[int, tuple[Track, Recording]] = {}

    def recording(self, track: Track, targets: Iterable[str]) -> Recording:
        """A track with at least these stems.

        Raises
        ------
        AudioError
            If it cannot be read.
        """
        if id(track) not in self._read:
            mixture = self._samples(track.load_mixture())
            peak = float(np.abs(mixture).max(initial=0)) or 1.0
            self._read[id(track)] = (track, Recording(track.name, (mixture / peak).astype(np.float16), peak))
        recording = self._read[id(track)][1]
        for target in targets:
            if target not in recording.stems:
                stem = fit_length(self._samples(track.load_stem(target)), recording.length)
                # A stem that cancels against others may be louder than the mixture, but not by so much.
                limit = float(np.finfo(np.float16).max)
                recording.stems[target] = np.clip(stem / recording.peak, -limit, limit).astype(np.float16)
        return recording

    def _samples(self, audio: Audio) -> Samples:
        if self._channels == 1 or audio.channels > self._channels:
            audio = audio.mixdown()
        samples: Samples = audio.resample(self._sample_rate).samples
        return np.repeat(samples, self._channels // len(samples), axis=0)


@dataclass(frozen=True)
class Excerpts:
    """Random excerpts of recordings.

    Attributes
    ----------
    recordings : sequence of Recording
    targets : tuple of str
        Stems that all of them have.
    length : int
        Of an excerpt, in samples.
    gain_db, remix : float
        See `InterleavedTraining`.
    """

    recordings: Sequence[Recording]
    targets: tuple[str, ...]
    length: int
    gain_db: float
    remix: float

    def draw(self, count: int, rng: np.random.Generator) -> Samples:
        """Mixtures that never were [shape=(count, targets + 1, channels, length)]: their sum over the second axis.

        Gains are random, left and right are exchanged at random, and every part may come from another track.
        """
        return np.stack([self._mixed(rng) for _ in range(count)])

    def spread(self, most: int) -> Samples:
        """At most so many excerpts, as they were played, evenly spread over all recordings."""
        places = [
            (recording, start)
            for recording in self.recordings
            for start in range(0, max(1, recording.length - self.length // 2), self.length)
        ]
        chosen = np.unique(np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int))
        return np.stack(
            [places[index][0].parts(self.targets, places[index][1], self.length) for index in chosen.tolist()]
        )

    def _mixed(self, rng: np.random.Generator) -> Samples:
        parts = self._cut(rng)
        for row in range(len(parts)):
            if rng.uniform() < self.remix:
                parts[row] = self._cut(rng)[row]
            if rng.uniform() < 0.5:
                parts[row] = parts[row, ::-1].copy()
        gains = 10 ** (rng.uniform(-self.gain_db, self.gain_db, len(parts)) / 20)
        return parts * gains[:, np.newaxis, np.newaxis].astype(np.float32)

    def _cut(self, rng: np.random.Generator) -> Samples:
        recording = self.recordings[rng.choice(len(self.recordings), p=self._shares)]
        start = int(rng.integers(max(1, recording.length - self.length + 1)))
        return recording.parts(self.targets, start, self.length)

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """Longer recordings are drawn the more often."""
        lengths = np.array([recording.length for recording in self.recordings], np.float64)
        shares: NDArray[np.float64] = lengths / lengths.sum()
        return shares


def require_sound(recordings: Mapping[str, Sequence[Recording]]) -> None:
    """Refuse targets that are never heard.

    Raises
    ------
    DatasetError
    """
    for target, given in recordings.items():
        if not any(bool(recording.stems[target].any()) for recording in given):
            raise DatasetError(
                f"target '{target}' is silent in all tracks to learn from; give more tracks, or leave it out"
            )
