"""What a training shows its model: excerpts of stems, mixed as they never were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.errors import DatasetError
from sepkit.evaluation.dataset import Track
from sepkit.music.audio import Audio, fit_length
from sepkit.spectral import STFT
from sepkit_nae.model import stacked_frames

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Excerpts:
    """Excerpts of one length, and the spectrograms of their mixtures.

    Attributes
    ----------
    stft : STFT
    frames : int
        Of an excerpt.
    context_frames : int
        So many more before and after, for the encoder to see.
    """

    stft: STFT
    frames: int
    context_frames: int

    @property
    def length(self) -> int:
        """In samples."""
        return self.stft.window_length + (self.frames + 2 * self.context_frames) * self.stft.hop

    def draw(self, recordings: Iterable[Samples], count: int, gain_db: float, rng: np.random.Generator) -> Samples:
        """For each recording `count` excerpts from anywhere, at any gain up to `gain_db` [shape=(count, recordings,
        samples)]."""
        drawn = []
        for recording in recordings:
            starts = rng.integers(0, max(1, len(recording) - self.length + 1), count)
            gains = 10 ** (rng.uniform(-gain_db, gain_db, count) / 20)
            drawn.append(self._cut(recording, starts) * gains[:, np.newaxis].astype(np.float32))
        return np.stack(drawn, axis=1)

    def spread(self, recording: Samples, most: int) -> Samples:
        """At most `most` excerpts, evenly spread over all of a recording [shape=(count, samples)]."""
        needed = -(-len(recording) // (self.frames * self.stft.hop))
        last = max(0, len(recording) - self.length)
        return self._cut(recording, np.linspace(0, last, max(1, min(needed, most))).astype(int))

    def magnitudes(self, excerpts: Samples, device: torch.device) -> tuple[Tensor, Tensor]:
        """What an encoder sees of mixtures, and what decoders are to make of it; the mean of the mixtures is 1.

        Parameters
        ----------
        excerpts : ndarray [shape=(count, sources, samples)]
        device : torch.device

        Returns
        -------
        X : Tensor [shape=((2 * context_frames + 1) * bins, count * frames)]
            Of the sums over sources.
        V : Tensor [shape=(sources, bins, count * frames)]
        """
        centres = self.stft.frames_s(self.length, 1)
        first = int(np.searchsorted(centres, self.stft.window_length // 2))
        spectra = self.stft.forward(excerpts, slice(first, first + self.frames + 2 * self.context_frames))
        mixtures = np.abs(spectra.sum(axis=1))
        scale = mixtures.mean() or 1.0
        kept = slice(self.context_frames, self.context_frames + self.frames)
        V = np.moveaxis(np.abs(spectra[..., kept]), 0, 2) / scale
        M = torch.from_numpy(mixtures / scale)
        X = torch.cat([stacked_frames(one, kept, self.context_frames) for one in M], dim=1)
        return X.to(device), torch.from_numpy(V.reshape(*V.shape[:2], -1)).to(device)

    def _cut(self, recording: Samples, starts: NDArray[np.integer]) -> Samples:
        if len(recording) < self.length:
            recording = np.pad(recording, (0, self.length - len(recording)))
        return np.stack([recording[start : start + self.length] for start in starts])


def read_sources(tracks: Iterable[Track], sources: Iterable[str], sample_rate: int) -> dict[str, Samples]:
    """All that there is of every source, one recording after the other, in mono [shape=(samples,)].

    Raises
    ------
    DatasetError
        If a source is never heard.
    """
    found: dict[str, list[Samples]] = {source: [] for source in sources}
    for track in tracks:
        for source, stem in track.load_stems().items():
            if source in found:
                found[source].append(mono(stem, sample_rate))
    recordings = {source: np.concatenate(parts or [np.zeros(1, np.float32)]) for source, parts in found.items()}
    silent = [source for source, recording in recordings.items() if not recording.any()]
    if silent:
        raise DatasetError(
            f"source '{silent[0]}' is silent in all tracks to learn from; give more tracks, or leave it out of the "
            "sources"
        )
    return recordings


def read_aligned(track: Track, sources: Mapping[str, object] | Iterable[str], sample_rate: int) -> Samples:
    """The stems of one track as they were played together, silence for those it lacks [shape=(sources, samples)]."""
    stems = {source: mono(stem, sample_rate) for source, stem in track.load_stems().items()}
    length = max(map(len, stems.values()))
    silence = np.zeros(1, np.float32)
    return np.concatenate([fit_length(stems.get(source, silence)[np.newaxis], length) for source in sources])


def mono(stem: Audio, sample_rate: int) -> Samples:
    """One channel at one rate [shape=(samples,)]."""
    samples: Samples = stem.mixdown().resample(sample_rate).samples[0]
    return samples
