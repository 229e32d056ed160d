"""A recording as it comes out of a decoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import AudioError

RATES_HZ = (1_000, 768_000)
"""Lowest and highest sample rate; what a header says beyond is damage."""

MOST_CHANNELS = 64

_ROUNDING_S = 0.01
"""By less than this headers are wrong without harm, those of MP3 for one."""

BLOCK_VALUES = 1 << 20
"""About how many values there are in a block, over all channels."""


@dataclass(frozen=True)
class Stream:
    """A recording that is decoded from its start to its end, however long its header says that it is.

    Attributes
    ----------
    channels : int
    sample_rate : int
        In Hz.
    announced : int or None
        Number of samples by the header, which may be wrong; None where it does not say.
    blocks : iterator of ndarray [shape=(channels, samples)]
        The samples, float32, block by block.
    lacks_end : bool
        Whether the mark is missing that stands where recordings of this kind end.

    Raises
    ------
    AudioError
        If no recording has such a header.
    """

    channels: int
    sample_rate: int
    announced: int | None
    blocks: Iterator[NDArray[np.float32]]
    lacks_end: bool = False

    def missing(self, length: int) -> str:
        """What to say of a recording that ended after so many samples; empty where nothing is missing."""
        read = f"ends after {length / self.sample_rate:.2f} s"
        remedy = "it was cut off or is damaged; copy it anew"
        if self.announced is not None and self.announced - length > self.sample_rate * _ROUNDING_S:
            announced = f"{self.announced / self.sample_rate:.2f} s ({length} of {self.announced} samples)"
            return f"{read}, and its header announces {announced}: {remedy}"
        return f"{read}, without the mark of its end: {remedy}" if self.lacks_end else ""

    def __post_init__(self) -> None:
        lowest, highest = RATES_HZ
        if not lowest <= self.sample_rate <= highest:
            raise AudioError(
                f"its header says {self.sample_rate} Hz; sample rates from {lowest} to {highest} Hz are known"
            )
        if not 1 <= self.channels <= MOST_CHANNELS:
            raise AudioError(f"its header says {self.channels} channels; 1 to {MOST_CHANNELS} are known")
