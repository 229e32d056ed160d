"""What labelled boxes come to on axes of frequency and time: a limit of every source's share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError
from sepkit.music.labels import Label


@dataclass(frozen=True, eq=False)
class Run:
    """Frames one after the other in which there are boxes.

    Attributes
    ----------
    first, stop : int
        Which frames.
    limits : ndarray [shape=(sources, bins, stop - first)]
        The largest share of every source, 1 where it is free. Somewhere some source is free, or none may have anything.
    """

    first: int
    stop: int
    limits: NDArray[np.float32]

    def within(self, frames: slice) -> Run:
        """What of it lies within some frames, counted from the first of them."""
        first, stop = max(self.first, frames.start), min(self.stop, frames.stop)
        limits = self.limits[..., first - self.first : stop - self.first]
        return Run(first - frames.start, stop - frames.start, limits)


def runs_of(
    boxes: Sequence[Label], sources: Sequence[str], bins_hz: NDArray[np.floating], frames_s: NDArray[np.floating]
) -> Iterator[Run]:
    """The limits that boxes set, run by run.

    Raises
    ------
    SideInformationError
        If labels contradict each other.
    """
    placed = [(box, cells) for box in boxes if (cells := _cells(frames_s, box.start_s, box.end_s)) is not None]
    placed.sort(key=lambda one: one[1].start)
    while placed:
        first, stop, together = placed[0][1].start, placed[0][1].stop, 0
        while together < len(placed) and placed[together][1].start < max(stop, first + 1):
            stop = max(stop, placed[together][1].stop)
            together += 1
        run, placed = placed[:together], placed[together:]
        there, absent = _strengths(run, sources, bins_hz, first, stop)
        limits = _limits(there, absent)
        free = (limits >= 1).any(axis=0) | (limits == 0).all(axis=0)
        contradicted = np.argwhere(~free | ((there > 0) & (absent > 0)).any(axis=0))
        if len(contradicted):
            bin_, frame = contradicted[0]
            raise SideInformationError(
                f"labels contradict each other at {frames_s[first + frame]:.2f} s and {bins_hz[bin_]:.0f} Hz: they "
                "leave no source that may sound as it likes; take one of them back"
            )
        yield Run(first, stop, limits)


def _strengths(
    run: Sequence[tuple[Label, slice]],
    sources: Sequence[str],
    bins_hz: NDArray[np.floating],
    first: int,
    stop: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of the strongest labels that a source is there, and that it is absent [shape=(sources, bins, frames)]."""
    shape = (len(sources), len(bins_hz), stop - first)
    there, absent = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for box, frames in run:
        bins = _cells(bins_hz, box.low_hz or 0.0, np.inf if box.high_hz is None else box.high_hz)
        if bins is None:
            continue
        marked = absent if box.absent else there
        cells = marked[sources.index(box.source), bins, frames.start - first : frames.stop - first]
        np.maximum(cells, np.float32(box.strength), out=cells)
    return there, absent


def _limits(there: NDArray[np.float32], absent: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest share of every source: of those that are not there an equal part of what is left."""
    others = np.maximum((there == 0).sum(axis=0), 1)
    left = ((1 - there.max(axis=0)) / others).astype(np.float32)
    limits = np.where((there == 0) & (there.max(axis=0) > 0), left, np.float32(1))
    return np.minimum(limits, 1 - absent)


def _cells(centres: NDArray[np.floating], low: float, high: float) -> slice | None:
    """The cells whose centres lie within bounds, or else the one nearest to them; None for bounds beyond them all."""
    step = float(centres[1] - centres[0]) if len(centres) > 1 else np.inf
    if high < centres[0] - step / 2 or low > centres[-1] + step / 2:
        return None
    first, stop = np.searchsorted(centres, low), np.searchsorted(centres, high, side="right")
    if first < stop:
        return slice(int(first), int(stop))
    nearest = int(np.argmin(np.abs(centres - (low + min(high, centres[-1])) / 2)))
    return slice(nearest, nearest + 1)
