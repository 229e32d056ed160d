"""Alignment of a score to a recording of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.alignment import builtin, synctoolbox_backend
from sepkit.alignment.features import FRAMES_HZ, SALIENCE_HZ, recording_features
from sepkit.alignment.mismatch import mismatch
from sepkit.alignment.timemap import TimeMap
from sepkit.errors import AudioError, SideInformationError
from sepkit.music.audio import Audio
from sepkit.music.percussion import is_drum
from sepkit.music.score import Score
from sepkit.problem.run import Cancel, Reporter, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST_COST = 0.33
"""At most this cost is accepted: right pairs of score and recording stay below it, wrong ones above."""

_SILENCE = 1e-5

_LONG_S, _TIMES_LONGER = 3600.0, 20.0
"""A score that lasts longer than both this and so many times the recording is in no seconds."""

Backend = Literal["auto", "synctoolbox", "builtin"]


@dataclass(frozen=True, eq=False)
class Alignment:
    """A score at the times of a recording, and how it was moved there.

    Attributes
    ----------
    score : Score
        The notes where the recording plays them. Notes that lie wholly before or after the recording are left out, but
        for those of parts that would have none then, and the score's remarks say so.
    path_s : ndarray [shape=(2, points)]
        Seconds of the score and seconds of the recording at each onset and at the end, both strictly increasing.
    shifts_s : ndarray [shape=(notes,)]
        By how much the onset of each note moved.
    cost, cost_as_given : float
        How little the recording resembles the score where its notes were moved to, and where they were: 0 if they are
        the same, up to 1; comparable between pieces.
    tuning_cents : float
        How far the recording is tuned from A4 = 440 Hz.
    backend : str
        What found the path: ``"builtin"`` or ``"synctoolbox"``.
    salience : ndarray [shape=(frames, pitches)]
        How far each pitch from E1 to C8 stands out of the recording, for the picture: 10 frames a second.
    """

    score: Score
    path_s: NDArray[np.float64]
    shifts_s: NDArray[np.float64]
    cost: float
    cost_as_given: float
    tuning_cents: float
    backend: str
    salience: NDArray[np.float32]

    @property
    def median_shift_s(self) -> float:
        """By how much the onsets moved in the median, in either direction."""
        return float(np.median(np.abs(self.shifts_s)))

    @property
    def mean_shift_s(self) -> float:
        """By how much the onsets moved on average, in either direction."""
        return float(np.abs(self.shifts_s).mean())

    @property
    def worst_shift_s(self) -> float:
        """The largest distance by which an onset moved, in either direction."""
        return float(np.abs(self.shifts_s).max())

    def plot(self) -> Figure:
        """Draw the notes over what sounds, the path and the shifts; needs matplotlib (``pip install "sepkit[plot]"``).

        Raises
        ------
        SepkitError
            If matplotlib is not installed.
        """
        from sepkit.alignment.plot import plot_alignment

        return plot_alignment(self.score.notes, path_s=self.path_s, shifts_s=self.shifts_s, salience=self.salience)


def align(
    mixture: Audio,
    score: Score,
    *,
    backend: Backend = "auto",
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
) -> Alignment:
    """Move the notes of a score to where a recording plays them.

    The tempo of the recording may differ and change, the recording may be tuned otherwise, and either may begin or end
    before the other. What it cannot do is leave out or repeat parts in between. Drums (parts whose names begin with
    ``drum`` or ``perc`` or are those of drums, such as ``kick``) move with the others and are not compared.

    Parameters
    ----------
    mixture : Audio
    score : Score
        In the key of the recording, at concert pitch.
    backend : {'auto', 'synctoolbox', 'builtin'}
        ``"auto"`` is ``"builtin"``, what comes with sepkit; synctoolbox is taken when it is asked for.
    reporter : callable, optional
        Gets a `Progress` at every step.
    cancel : Cancel, optional
        Such as a `threading.Event`: stops the alignment soon after it is set.

    Returns
    -------
    alignment : Alignment

    Raises
    ------
    SideInformationError
        If the score has no notes, or does not seem to be of this recording.
    AudioError
        If the recording is silent.
    SepkitError
        If the backend is not installed or fails.
    Cancelled
    """
    if not score.notes:
        raise SideInformationError("the score has no notes: there is nothing to align")
    if not is_audible(mixture):
        raise AudioError("the recording is silent: there is nothing to align a score to")
    if strange := length_mismatch(mixture, score):
        raise SideInformationError(strange)
    with Run(reporter=reporter, cancel=cancel) as run:
        alignment = moved(mixture, score, backend, run)
    if alignment.cost > LARGEST_COST:
        raise SideInformationError(
            f"the score does not seem to be of this recording: alignment cost {alignment.cost:.2f}, at most "
            f"{LARGEST_COST} is accepted; give the score of this piece, in its key and with the repeats that are played"
        )
    return alignment


def moved(mixture: Audio, score: Score, backend: Backend, run: Run) -> Alignment:
    """The score at the times of the recording that resembles it most, however little it does.

    Parameters
    ----------
    mixture : Audio
        That is not silent.
    score : Score
        With notes.
    backend : {'auto', 'synctoolbox', 'builtin'}
    run : Run
    """
    pitched = without_drums(score) if without_drums(score).notes else score
    recording, cents = recording_features(mixture, partial(run.steps, stage="listening"))
    if backend == "synctoolbox":
        times = synctoolbox_backend.synchronize(pitched, mixture, cents, run)
    else:
        backend, times = "builtin", builtin.synchronize(pitched, recording, run)
    times = _even_between_onsets(pitched, times)
    found = _within(score, times, mixture.duration_s)
    onsets_s = np.array([note.onset_s for note in found.notes])
    return Alignment(
        score=found.mapped(times),
        path_s=np.stack((times.score_s, times.recording_s)),
        shifts_s=np.maximum(0, times(onsets_s)) - onsets_s,
        cost=mismatch(pitched, times, recording),
        cost_as_given=mismatch(pitched, TimeMap.unmoved(), recording),
        tuning_cents=cents,
        backend=backend,
        salience=recording.pooled(FRAMES_HZ // SALIENCE_HZ),
    )


def is_audible(mixture: Audio) -> bool:
    """Whether there is anything in the recording to compare a score with."""
    return large.peak(mixture.samples) >= _SILENCE


def length_mismatch(mixture: Audio, score: Score) -> str:
    """Why no recording so short can be of a score with notes; empty where one can."""
    lasts_s = max(note.offset_s for note in score.notes) - score.notes[0].onset_s
    if lasts_s <= max(_LONG_S, _TIMES_LONGER * mixture.duration_s):
        return ""
    return (
        f"the score lasts {lasts_s:.0f} s and the recording {mixture.duration_s:.1f} s: they cannot be compared; give "
        "times of notes in seconds"
    )


def without_drums(score: Score) -> Score:
    """The score without its drums, whose pitches stand for instruments."""
    return Score(tuple(note for note in score.notes if not is_drum(note.part)))


def _even_between_onsets(score: Score, times: TimeMap) -> TimeMap:
    """The map at one tempo from onset to onset: within tones, there is nothing to tell where the path goes."""
    end_s = max(note.offset_s for note in score.notes)
    # Onsets of one chord may differ by the rounding of its arithmetic: to a millisecond they are one.
    score_s = np.unique(np.round([*(note.onset_s for note in score.notes), end_s], 3))
    return TimeMap(score_s, times(score_s), times.slope)


def _within(score: Score, times: TimeMap, duration_s: float) -> Score:
    """The notes that lie within the recording, and those after it of parts that would have none."""
    edges_s = times([(note.onset_s, note.offset_s) for note in score.notes])
    inside = (edges_s[:, 0] < duration_s) & (edges_s[:, 1] > 0)
    heard = {note.part for note, keep in zip(score.notes, inside, strict=True) if keep}
    inside |= np.array([note.part not in heard for note in score.notes]) & (edges_s[:, 0] >= duration_s)
    notes = tuple(note for note, keep in zip(score.notes, inside, strict=True) if keep)
    outside = len(score.notes) - len(notes)
    if not outside:
        return score
    left_out = "note lies outside the recording and is" if outside == 1 else "notes lie outside the recording and are"
    return replace(score, notes=notes, remarks=(*score.remarks, f"{outside} {left_out} left out"))
