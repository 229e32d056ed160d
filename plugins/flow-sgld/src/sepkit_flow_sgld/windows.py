"""Long recordings in overlapping windows, one after the other, so that memory does not grow with the recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sepkit.audio import Audio
from sepkit.f0 import F0Track
from sepkit.problem import Problem
from sepkit.score import Note, Score
from sepkit.side import SideInformation


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


def excerpt(problem: Problem, window: Window) -> Problem:
    """The problem within a window, its side information moved along."""
    if window == Window(0, problem.mixture.length, 0):
        return problem
    rate = problem.mixture.sample_rate
    start_s, stop_s = window.start / rate, window.stop / rate
    side = SideInformation(
        None if problem.side.score is None else _notes_within(problem.side.score, start_s, stop_s),
        {name: _moved(track, start_s) for name, track in problem.side.f0.items()},
        {name: cut(stem, window) for name, stem in problem.side.references.items()},
    )
    return replace(problem, mixture=cut(problem.mixture, window), side=side)


def cut(audio: Audio, window: Window) -> Audio:
    """The samples of a window."""
    return Audio(audio.samples[:, window.span], audio.sample_rate)


def fade_in(known: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The share of a new window beside what was known before: rises over the overlap, then 1 [shape=(size,)]."""
    share = np.ones(size, np.float32)
    share[:known] = (np.arange(known) + 0.5) / max(1, known)
    return share


def _notes_within(score: Score, start_s: float, stop_s: float) -> Score:
    """The notes, moved to the window's time; each part keeps a note at least, however far off, so as not to vanish."""
    moved = [
        replace(note, onset_s=max(0.0, note.onset_s - start_s), offset_s=note.offset_s - start_s)
        for note in score.notes
        if note.offset_s > start_s
    ]
    heard = {note.part for note in moved}
    past = [_long_after(score.part(part).notes[0], stop_s) for part in score.parts if part not in heard]
    return Score((*moved, *past))


def _long_after(note: Note, stop_s: float) -> Note:
    """A note that sounds after everything: its part is known, and silent in the window."""
    return replace(note, onset_s=stop_s + 120, offset_s=stop_s + 121)


def _moved(track: F0Track, start_s: float) -> F0Track:
    return F0Track(track.times_s - start_s, track.f0_hz)
