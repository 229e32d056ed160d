"""Random segments of the stems of one source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sepkit.evaluation.dataset import Track
from sepkit.music.audio import fit_length

_SILENT = 1e-4
"""A segment of less than this part of the stems' power counts as silent."""
_ATTEMPTS = 20


@dataclass(frozen=True, eq=False)
class Segments:
    """Stems of one source that are kept in memory.

    Attributes
    ----------
    stems : list of ndarray [shape=(samples,)]
        Channels of stems, each by itself.
    sample_rate : int
        In Hz.
    """

    stems: list[NDArray[np.float32]]
    sample_rate: int

    @classmethod
    def of(
        cls, tracks: Iterable[Track], source: str, sample_rate: int | None, seconds: float, rng: np.random.Generator
    ) -> Segments:
        """What `tracks` have of `source`, but for stems that are silent; maybe nothing.

        Parameters
        ----------
        tracks : iterable of Track
        source : str
            Tracks without it are passed over.
        sample_rate : int or None
            To which stems are resampled, in Hz; None for that of the first.
        seconds : float
            Of longer data every track gives an equal share, a stretch at a random place.
        rng : numpy.random.Generator

        Raises
        ------
        AudioError
            If a stem cannot be read.
        """
        having = [replace(track, stems={source: track.stems[source]}) for track in tracks if source in track.stems]
        stems: list[NDArray[np.float32]] = []
        for track in having:
            stem = track.load_stems()[source]
            sample_rate = sample_rate or stem.sample_rate
            samples = stem.resample(sample_rate).samples
            share = max(1, int(seconds * sample_rate / len(having)))
            start = int(rng.integers(max(1, samples.shape[1] - share + 1)))
            # Copies, so that the rest of a long stem is not kept alive.
            stems += [channel.copy() for channel in samples[:, start : start + share]]
        return cls([stem for stem in stems if stem.any()], sample_rate or 0)

    @property
    def power(self) -> float:
        """Mean square of all samples."""
        energy = sum(float(np.vdot(stem.astype(np.float64), stem)) for stem in self.stems)
        return energy / sum(len(stem) for stem in self.stems)

    def draw(self, count: int, length: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Segments at random places, silent ones drawn again [shape=(count, length)]."""
        threshold = _SILENT * self.power
        return np.stack([self._drawn(length, threshold, rng) for _ in range(count)])

    def _drawn(self, length: int, threshold: float, rng: np.random.Generator) -> NDArray[np.float32]:
        segment: NDArray[np.float32] = np.zeros(length, np.float32)
        for _ in range(_ATTEMPTS):
            stem = self.stems[rng.integers(len(self.stems))]
            start = int(rng.integers(max(1, len(stem) - length + 1)))
            segment = fit_length(stem[np.newaxis, start : start + length], length)[0]
            if np.mean(np.square(segment, dtype=np.float64)) > threshold:
                break
        return segment
