"""The four initialisers of the tutorial, on grids of bins and frames and with its rounding.

Positions are cut to whole bins and frames, and a partial's width is a fraction of its frequency, so that results agree
exactly with those that libfmp gives for the same arguments.

References
----------
M. Müller, "Fundamentals of Music Processing", 2nd edition, section 8.3, Springer 2021.
M. Müller, R. Özer, "Learning with music signals: technology meets education", tutorial at ISMIR 2023.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sepkit.music.note import Note
from sepkit.music.pitch import midi_to_hz

ONSET_LEVEL = 0.1


def pitch_templates(bins: int, pitches: Sequence[float], bin_hz: float, tolerance: float = 0.05) -> NDArray[np.float64]:
    """One over the partial's number in every bin within `tolerance` times its frequency [shape=(bins, pitches)].

    Parameters
    ----------
    bins : int
    pitches : sequence of float
        MIDI pitches.
    bin_hz : float
        From one bin to the next.
    tolerance : float
        Relative to a partial's frequency. Where partials overlap the higher one wins.
    """
    templates = np.zeros((bins, len(pitches)))
    for template, f0_hz in zip(templates.T, midi_to_hz(pitches), strict=True):
        partials = int(np.ceil(bins * bin_hz / ((1 - tolerance) * f0_hz)))
        for m in range(1, partials + 1):
            first = max(0, int((1 - tolerance) * m * f0_hz / bin_hz))
            last = min(bins - 1, int((1 + tolerance) * m * f0_hz / bin_hz))
            template[first : last + 1] = 1 / m
    return templates


def onset_templates(bins: int, pitches: Sequence[float], bin_hz: float, tolerance: float = 0.05) -> NDArray[np.float64]:
    """For every pitch a flat template for its onset and then its `pitch_templates` [shape=(bins, 2 * pitches)]."""
    templates = np.full((bins, 2 * len(pitches)), ONSET_LEVEL)
    templates[:, 1::2] = pitch_templates(bins, pitches, bin_hz, tolerance)
    return templates


def pitch_activations(
    frames: int,
    notes: Sequence[Note],
    pitches: Sequence[float],
    frame_s: float,
    *,
    before_s: float = 0.2,
    after_s: float = 0.5,
) -> NDArray[np.float64]:
    """One while a pitch sounds, with tolerance, else zero [shape=(pitches, frames)]. Other pitches are left out.

    Parameters
    ----------
    frames : int
    notes : sequence of Note
    pitches : sequence of float
        The pitch of every row.
    frame_s : float
        From one frame to the next, in seconds.
    before_s, after_s : float
        Tolerance before onsets and after offsets, in seconds.
    """
    spans = [(note.pitch, note.onset_s - before_s, note.offset_s + after_s) for note in notes]
    return _ones(frames, pitches, spans, frame_s)


def onset_activations(
    frames: int,
    notes: Sequence[Note],
    pitches: Sequence[float],
    frame_s: float,
    *,
    before_s: float = 0.2,
    after_s: float = 0.5,
    onset_before_s: float = 0.3,
    onset_after_s: float = 0.1,
) -> NDArray[np.float64]:
    """For every pitch a row that is one around its onsets, then its `pitch_activations`
    [shape=(2 * pitches, frames)].
    """
    onsets = [(note.pitch, note.onset_s - onset_before_s, note.onset_s + onset_after_s) for note in notes]
    activations = np.zeros((2 * len(pitches), frames))
    activations[::2] = _ones(frames, pitches, onsets, frame_s)
    activations[1::2] = pitch_activations(frames, notes, pitches, frame_s, before_s=before_s, after_s=after_s)
    return activations


def _ones(
    frames: int, pitches: Sequence[float], spans: Sequence[tuple[float, float, float]], frame_s: float
) -> NDArray[np.float64]:
    """One in a pitch's row from start to stop of each of its spans, in seconds [shape=(pitches, frames)]."""
    activations = np.zeros((len(pitches), frames))
    for activation, pitch in zip(activations, pitches, strict=True):
        for spanned, start_s, stop_s in spans:
            if spanned == pitch:
                activation[max(0, int(start_s / frame_s)) : int(stop_s / frame_s)] = 1
    return activations
