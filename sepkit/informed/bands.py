"""Smooth bands over frequency, of which spectral envelopes are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LINEAR_TO_HZ = 700.0
"""Bands are equally wide below, and grow with frequency above."""
_HALF_WIDTH = 1.5
"""From the centre of a band to its end, in distances between centres."""


def smooth_bands(bins_hz: NDArray[np.floating], count: int, lowest_hz: float = 80.0) -> NDArray[np.float32]:
    """Overlapping raised cosines, equally spaced on the mel scale, that sum to one in every bin.

    Parameters
    ----------
    bins_hz : ndarray [shape=(bins,)]
    count : int
        Number of bands, at least 2.
    lowest_hz : float
        Centre of the lowest, which reaches down to 0 Hz.

    Returns
    -------
    bands : ndarray [shape=(bins, count)]
    """
    place = mel(bins_hz)
    centres = np.linspace(mel(min(lowest_hz, float(bins_hz[-1]) / 2)), place[-1], count)
    distance = (np.maximum(place, centres[0])[:, np.newaxis] - centres) / (centres[1] - centres[0])
    bands = np.where(np.abs(distance) < _HALF_WIDTH, 0.5 + 0.5 * np.cos(np.pi * distance / _HALF_WIDTH), 0)
    return np.asarray(bands / bands.sum(axis=1, keepdims=True), np.float32)


def mel(frequency_hz: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """The mel scale in units of its own: linear below 700 Hz, logarithmic above."""
    return np.asarray(np.log1p(np.asarray(frequency_hz, np.float64) / LINEAR_TO_HZ))
