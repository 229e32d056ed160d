"""Pitch and frequency."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def note_name(pitch: float) -> str:
    """The name of the nearest note: ``"A4"`` for MIDI pitch 69."""
    number = round(pitch)
    return f"{_NAMES[number % 12]}{number // 12 - 1}"


def midi_to_hz(pitch: ArrayLike) -> NDArray[np.float64]:
    """Frequency of MIDI pitches at equal temperament, A4 = 440 Hz."""
    return np.asarray(440.0 * 2.0 ** ((np.asarray(pitch, np.float64) - 69.0) / 12.0))
