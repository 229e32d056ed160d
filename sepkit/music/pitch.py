"""Pitch and frequency."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def midi_to_hz(pitch: ArrayLike) -> NDArray[np.float64]:
    """Frequency of MIDI pitches at equal temperament, A4 = 440 Hz."""
    return np.asarray(440.0 * 2.0 ** ((np.asarray(pitch, np.float64) - 69.0) / 12.0))
