"""Long recordings in overlapping windows, one after the other, so that memory does not grow with the recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    """Where a window lies, in samples.

    Attributes
    ----------
    start, stop : int
    known : int
        So many samples at its start were in the window before; its chains have to agree with what was found there.
    """

    start: int
    stop: int
    known: int

    @property
    def span(self) -> slice:
        """Its samples."""
        return slice(self.start, self.stop)


def windows(length: int, size: int, overlap: int) -> Iterator[Window]:
    """Windows of one size that cover `length` samples, each overlapping the one before by `overlap` at least."""
    if length <= size:
        yield Window(0, length, 0)
        return
    stop = 0
    while stop < length:
        start = min(max(0, stop - overlap), length - size)
        yield Window(start, start + size, stop - start)
        stop = start + size


def fade_in(known: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The share of a new window beside what was known before: rises over the overlap, then 1 [shape=(size,)]."""
    share = np.ones(size, np.float32)
    share[:known] = (np.arange(known) + 0.5) / max(1, known)
    return share
