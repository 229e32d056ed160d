"""F0 over time as it is known before anything is heard: from tracks, and from the notes of a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError
from sepkit.music.f0 import F0Track
from sepkit.music.note import Note
from sepkit.music.percussion import is_drum
from sepkit.music.pitch import midi_to_hz
from sepkit.music.side import SideInformation

TRACK_TOLERANCE_S = 0.05
"""Trackers lose the beginnings and ends of tones."""
NOTE_TOLERANCE_S = 0.1
"""Aligned notes begin and end a little early or late."""


def known_f0(side: SideInformation, sources: Sequence[str], times_s: NDArray[np.floating]) -> NDArray[np.float64]:
    """F0 of every source at some times: that of its track, or else of its notes.

    Parameters
    ----------
    side : SideInformation
    sources : sequence of str
    times_s : ndarray [shape=(times,)]

    Returns
    -------
    f0_hz : ndarray [shape=(sources, times)]
        NaN where unvoiced.

    Raises
    ------
    SideInformationError
        If a source has neither, or there is none.
    """
    if not sources:
        raise SideInformationError(
            "there are no F0 tracks, and no notes with a pitch that belong to a part; give each note one"
        )
    known = known_sources(side)
    unknown = [source for source in sources if source not in known]
    if unknown:
        there = ", ".join(map(repr, known)) or "nothing"
        raise SideInformationError(
            f"no F0 is known of {', '.join(unknown)}: there are F0 tracks or notes of {there}; name the sources like "
            "those, or give a track with --f0"
        )
    return np.stack(
        [
            f0_at(side.f0[source], times_s, TRACK_TOLERANCE_S)
            if source in side.f0
            else f0_of_notes(side.score.part(source).notes if side.score else (), times_s, NOTE_TOLERANCE_S)
            for source in sources
        ]
    )


def known_sources(side: SideInformation) -> tuple[str, ...]:
    """Names of all sources with an F0 track or notes; notes without a part are of none, and drums have no F0."""
    parts = side.score.parts if side.score else ()
    return tuple(dict.fromkeys((*side.f0, *(part for part in parts if part.strip() and not is_drum(part)))))


def chords(notes: Sequence[Note]) -> int:
    """Number of notes that begin with a higher one of the same part, and so have no F0 of their own."""
    return len(notes) - len({note.onset_s for note in notes})


def f0_of_notes(notes: Sequence[Note], times_s: NDArray[np.floating], tolerance_s: float) -> NDArray[np.float64]:
    """F0 of the notes of one source [shape=(times,)], NaN where none sounds.

    Where several sound, the last to begin counts, and the highest of a chord. Where none sounds, the last to end goes
    on for up to `tolerance_s`, as tones die away; before the first, and after a longer rest, the next begins early by
    as much.
    """
    f0_hz = np.full(times_s.shape, np.nan)

    def fill(note: Note, first_s: float, last_s: float) -> None:
        span = f0_hz[slice(*np.searchsorted(times_s, (first_s, last_s)))]
        span[np.isnan(span)] = midi_to_hz(note.pitch)

    last_to_begin = sorted(notes, key=lambda note: (note.onset_s, note.pitch), reverse=True)
    for note in last_to_begin:
        fill(note, note.onset_s, note.offset_s)
    for note in sorted(last_to_begin, key=lambda note: note.offset_s, reverse=True):
        fill(note, note.offset_s, note.offset_s + tolerance_s)
    for note in sorted(last_to_begin, key=lambda note: note.onset_s):
        fill(note, note.onset_s - tolerance_s, note.onset_s)
    return f0_hz


def f0_at(track: F0Track, times_s: NDArray[np.floating], tolerance_s: float) -> NDArray[np.float64]:
    """F0 in Hz at some times [shape=(times,)].

    Interpolated between voiced points; up to `tolerance_s` beyond them the value of the nearest one, and NaN further
    away.
    """
    voiced = np.isfinite(track.f0_hz)
    if not voiced.any():
        return np.full(times_s.shape, np.nan)
    voiced_s, voiced_hz = track.times_s[voiced], track.f0_hz[voiced]
    nearest = np.searchsorted((voiced_s[:-1] + voiced_s[1:]) / 2, times_s)
    held = np.where(np.abs(voiced_s[nearest] - times_s) <= tolerance_s, voiced_hz[nearest], np.nan)
    interpolated = np.interp(times_s, track.times_s, track.f0_hz, left=np.nan, right=np.nan)
    return np.where(np.isfinite(interpolated), interpolated, held)
