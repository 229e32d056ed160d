"""What the score tells of the instruments: those that play chords are struck or plucked.

Their notes begin at once and decay, which a short window shows; others are steady and wanted apart in frequency.
Partials of notes that sound together meet: few of a part that plays chords stand alone and tell its envelope, and how
loud each of its notes is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sepkit.music.note import Note
from sepkit.music.score import Score

_OFTEN = 0.2
"""Share of the time in which a part sounds; notes of melodies overlap a little too."""

WINDOW_S = 0.093
WINDOW_OF_CHORDS_S = 0.046
SHARED_ENVELOPE = 0.05
SHARED_LEVEL = 0.1


def window_s(score: Score) -> float:
    """The window for a recording of these parts, in seconds."""
    return WINDOW_OF_CHORDS_S if has_chords(score) else WINDOW_S


def weights(score: Score, chosen: float | None, usual: float) -> dict[str, float]:
    """What was chosen, for every part; otherwise what is usual for parts without chords, and 0 for the others."""
    if chosen is not None:
        return dict.fromkeys(score.parts, chosen)
    return {part: 0.0 if plays_chords(score.part(part).notes) else usual for part in score.parts}


def has_chords(score: Score) -> bool:
    """Whether any part plays chords."""
    return any(plays_chords(score.part(part).notes) for part in score.parts)


def plays_chords(notes: Sequence[Note]) -> bool:
    """Whether several notes sound at once in much of the time in which any does."""
    # A note that stands twice in a score is one.
    spans = {(note.pitch, note.onset_s, note.offset_s) for note in notes}
    times_s = np.array([time_s for _, *span in sorted(spans) for time_s in span])
    changes = np.tile([1, -1], len(spans))
    order = np.argsort(times_s)
    sounding = np.cumsum(changes[order])[:-1]
    durations_s = np.diff(times_s[order])
    return float(durations_s[sounding > 1].sum()) > _OFTEN * float(durations_s[sounding > 0].sum())
