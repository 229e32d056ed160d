"""The method `repet-sim`: what similar frames have in common is the accompaniment."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.spectral import STFT
from sepkit_classical.config import REPETSIMConfig
from sepkit_classical.repetition import median_frame
from sepkit_classical.voice import (
    Heard,
    VoiceSeparator,
    beside_background,
    filtered,
    frames_of,
    mean_magnitudes,
    voice_masks,
)

Array = NDArray[np.floating]

_PIECE = 512
"""Frames whose similarities are held at a time."""


class REPETSIM(VoiceSeparator[REPETSIMConfig]):
    """REPET by similarity.

    An accompaniment returns to what it played before, whatever the period. The median of the frames that are most
    similar to a frame is what they have in common. The online form looks back only, and no further than it remembers.

    References
    ----------
    Z. Rafii and B. Pardo, "Music/voice separation using the similarity matrix", ISMIR 2012.
    Z. Rafii and B. Pardo, "Online REPET-SIM for real-time speech enhancement", ICASSP 2013.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        if not self.config.online:
            return super().separate(problem, run)
        config, samples, rate = self.config, problem.mixture.samples, problem.mixture.sample_rate
        stft = STFT.of_duration(config.window_s, config.overlap, rate)
        memory = frames_of(config.memory_s, stft, rate)

        def masks(block: slice) -> Array:
            seen = slice(max(0, block.start - memory), block.stop)
            V = mean_magnitudes(stft, samples, seen)
            background = self._background(V, stft, rate, run, first=block.start - seen.start, memory=memory)
            new = V[:, block.start - seen.start :]
            return voice_masks(beside_background(new, background), stft.bins_hz(rate), config)

        return filtered(problem.mixture, stft, masks, run)

    def magnitudes(self, heard: Heard) -> Array:
        return beside_background(heard.V, self._background(heard.V, heard.stft, heard.sample_rate, heard.run))

    def _background(
        self, V: Array, stft: STFT, sample_rate: int, run: Run, first: int = 0, memory: int | None = None
    ) -> Array:
        config = self.config
        return similar_frames(
            V,
            count=config.frames,
            apart=round(config.apart_s * sample_rate / stft.hop),
            least=config.similarity,
            first=first,
            memory=memory,
            run=run,
        )


def similar_frames(
    V: Array, *, count: int, apart: int, least: float = 0.0, first: int = 0, memory: int | None = None, run: Run
) -> Array:
    """The median of the frames that are most similar to each frame, itself among them.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    count : int
        Of similar frames, at most.
    apart : int
        Only the most similar of so many frames to either side counts.
    least : float
        Least cosine similarity.
    first : int
        The frames before are there for comparison only.
    memory : int, optional
        Compare with so many frames of the past, and none of the future; by default with all.
    run : Run

    Returns
    -------
    repeating : ndarray [shape=(bins, frames - first)]
    """
    import scipy.ndimage

    frames = np.ascontiguousarray(V.T)
    lengths = np.linalg.norm(frames, axis=1, keepdims=True)
    directions = frames / np.where(lengths > 0, lengths, 1)
    repeating = np.empty_like(frames[first:])
    for start in range(first, len(frames), _PIECE):
        run.check_cancelled()
        stop = min(start + _PIECE, len(frames))
        low, high = (0, len(frames)) if memory is None else (max(0, start - memory), stop)
        similarity = directions[start:stop] @ directions[low:high].T
        own, others = np.arange(start, stop)[:, np.newaxis], np.arange(low, high)
        if memory is not None:
            similarity[(others > own) | (others < own - memory)] = -1
        similarity[own == others] = 2
        highest = scipy.ndimage.maximum_filter1d(similarity, 2 * apart + 1, axis=1, mode="constant", cval=-1)
        similarity[(similarity < highest) | (similarity < least)] = -1
        for row, frame in zip(similarity, range(start, stop), strict=True):
            peaks = np.flatnonzero(row >= 0)
            if len(peaks) > count:
                peaks = peaks[np.argpartition(row[peaks], -count)[-count:]]
            repeating[frame - first] = median_frame(frames[low + peaks])
    return repeating.T
