"""A part of a problem: some seconds of the mixture, with what is known of them."""

from __future__ import annotations

from dataclasses import replace

from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.labels import Labels
from sepkit.music.note import Note
from sepkit.music.score import Score
from sepkit.music.side import SideInformation
from sepkit.problem.problem import Problem


def excerpt(problem: Problem, start: int, stop: int) -> Problem:
    """The problem between two samples of its mixture, its side information moved along.

    Parameters
    ----------
    problem : Problem
    start, stop : int
        Samples of the mixture.

    Returns
    -------
    excerpt : Problem
    """
    if (start, stop) == (0, problem.mixture.length):
        return problem
    given = problem.for_statements
    return replace(
        problem,
        mixture=cut(problem.mixture, start, stop),
        side_information=known_within(problem.side_information, problem.mixture.sample_rate, start, stop),
        for_statements=None if given is None else known_within(given, problem.mixture.sample_rate, start, stop),
    )


def cut(audio: Audio, start: int, stop: int) -> Audio:
    """The samples from `start` to `stop`."""
    return Audio(audio.samples[:, start:stop], audio.sample_rate)


def known_within(known: SideInformation, sample_rate: int, start: int, stop: int) -> SideInformation:
    """What is known between two samples, in the time of what lies there."""
    start_s, stop_s = start / sample_rate, stop / sample_rate
    return replace(
        known,
        score=None if known.score is None else _notes_within(known.score, start_s, stop_s),
        f0={name: _moved(track, start_s) for name, track in known.f0.items()},
        references={name: cut(stem, start, stop) for name, stem in known.references.items()},
        labels=tuple(_moved_labels(one, start_s) for one in known.labels),
    )


def _notes_within(score: Score, start_s: float, stop_s: float) -> Score:
    """The notes, moved to the window's time; each part keeps a note, however far off, so that it does not vanish."""
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


def _moved_labels(labels: Labels, start_s: float) -> Labels:
    # Those outside the window stay: a source that has spans elsewhere is silent here.
    moved = (replace(one, start_s=one.start_s - start_s, end_s=one.end_s - start_s) for one in labels.labels)
    return Labels(tuple(moved))


def _moved(track: F0Track, start_s: float) -> F0Track:
    return F0Track(track.times_s - start_s, track.f0_hz)
