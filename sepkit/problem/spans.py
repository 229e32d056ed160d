"""Overlapping blocks of a long recording, and how one fades into the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OVERLAP_S = 1.0


@dataclass(frozen=True)
class Span:
    """The samples of one block.

    Attributes
    ----------
    start, stop : int
    rise, fall : int
        Samples that it shares with the block before and the block after.
    """

    start: int
    stop: int
    rise: int
    fall: int

    @property
    def fades(self) -> NDArray[np.float32]:
        """Weights that sum to one over all blocks [shape=(samples,)]."""
        weights = np.ones(self.stop - self.start, np.float32)
        weights[: self.rise] = (np.arange(self.rise) + 0.5) / max(1, self.rise)
        weights[len(weights) - self.fall :] *= 1 - (np.arange(self.fall) + 0.5) / max(1, self.fall)
        return weights

    def own(self, times_s: NDArray[np.floating], sample_rate: int) -> NDArray[np.bool_]:
        """Which times are this block's own, where each half of what two blocks share is that of the nearer one."""
        first_s = (self.start + self.rise / 2) / sample_rate if self.rise else -np.inf
        last_s = (self.stop - self.fall / 2) / sample_rate if self.fall else np.inf
        return np.asarray((times_s >= first_s) & (times_s < last_s))


def spans_of(length: int, sample_rate: int, block_s: float, hop: int) -> list[Span]:
    """Blocks of nearly equal length, starting at multiples of the hop; one, if all fits into it.

    Parameters
    ----------
    length : int
        In samples.
    sample_rate : int
        In Hz.
    block_s : float
        At least four times the overlap.
    hop : int
        In samples.
    """
    overlap = round(OVERLAP_S * sample_rate)
    count = max(1, int(np.ceil((length - overlap) / max(1, round(block_s * sample_rate) - overlap))))
    starts = [int(index * (length - overlap) / count) // hop * hop for index in range(count)]
    stops = [start + overlap for start in starts[1:]] + [length]
    return [
        Span(start, stop, overlap if index else 0, overlap if index < count - 1 else 0)
        for index, (start, stop) in enumerate(zip(starts, stops, strict=True))
    ]
