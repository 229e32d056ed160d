"""Masks of a long recording, found in spans of frames that fade into one another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sepkit.problem.run import Run

Array = NDArray[np.floating]

_SHARED = 0.1
"""Of a span, which it shares with the next one."""


class SpannedMasks:
    """Masks as `STFT.filter` asks for them, each found where a model sees a whole span of the recording.

    What is held is one span at a time, so memory does not grow with the recording and time is linear in it. Where two
    spans meet, the masks of one fade into those of the other: mixed like that, masks that sum to one still do.

    Parameters
    ----------
    frames : int
        Of the recording.
    span : int
        Most frames of a span.
    find : callable
        The masks [shape=(sources, bins, frames)] of a slice of frames.
    run : Run
        Asked before every span whether to go on.
    """

    def __init__(self, frames: int, span: int, find: Callable[[slice], Array], run: Run) -> None:
        self._find, self._run = find, run
        self._spans = spans(frames, span)
        self._next = 0
        self._ready: list[tuple[int, Array]] = []

    def __call__(self, block: slice) -> Array:
        """The masks of a block of frames, which comes after those that were asked for before."""
        while self._next < len(self._spans) and self._spans[self._next].start < block.stop:
            self._run.check_cancelled()
            self._ready.append(self._found(self._next))
            self._next += 1
        self._ready = [(start, masks) for start, masks in self._ready if start + masks.shape[-1] > block.start]
        total = np.zeros((*self._ready[0][1].shape[:-1], block.stop - block.start), np.float32)
        for start, masks in self._ready:
            first, last = max(start, block.start), min(start + masks.shape[-1], block.stop)
            total[..., first - block.start : last - block.start] += masks[..., first - start : last - start]
        return total

    def _found(self, index: int) -> tuple[int, Array]:
        """The first frame of a span, and its masks, faded at both ends."""
        span = self._spans[index]
        masks = np.array(self._find(span), np.float32)
        if index:
            masks[..., : self._spans[index - 1].stop - span.start] *= _rise(self._spans[index - 1].stop - span.start)
        if index + 1 < len(self._spans):
            shared = span.stop - self._spans[index + 1].start
            masks[..., masks.shape[-1] - shared :] *= 1 - _rise(shared)
        return span.start, masks


def spans(frames: int, span: int) -> list[slice]:
    """Spans of nearly equal length that share a tenth with the next; one, if all fits into it."""
    span = min(span, frames)
    shared = min(span - 1, round(_SHARED * span))
    count = max(1, -(-(frames - shared) // (span - shared)))
    starts = [index * (frames - shared) // count for index in range(count)]
    return [slice(start, stop + shared) for start, stop in zip(starts, [*starts[1:], frames - shared], strict=True)]


def _rise(frames: int) -> NDArray[np.float32]:
    return ((np.arange(frames) + 0.5) / max(1, frames)).astype(np.float32)
