"""How far a recording is tuned from A4 = 440 Hz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import STFT

_LOWEST_HZ, _HIGHEST_HZ = 150.0, 2500.0
_LEAST_OF_LOUDEST = 0.05
_TINY = 1e-12


def tuning_cents(samples: NDArray[np.float32], sample_rate: int, stft: STFT) -> float:
    """Estimate the tuning as the circular mean of how far spectral peaks lie from equal temperament.

    Parameters
    ----------
    samples : ndarray [shape=(samples,)]
    sample_rate : int
    stft : STFT
        Its window needs to tell neighbouring partials apart; its hop may be long.

    Returns
    -------
    cents : float
        From -50 to 50; 0 where there are no peaks.
    """
    bins_hz = stft.bins_hz(sample_rate)
    low, high = np.searchsorted(bins_hz, (_LOWEST_HZ, min(_HIGHEST_HZ, bins_hz[-2])))
    direction = 0j
    for block in stft.blocks(len(samples)):
        magnitude = np.abs(stft.forward(samples, block)[low - 1 : high + 1]).T.astype(np.float64) + _TINY
        before, peak, after = magnitude[:, :-2], magnitude[:, 1:-1], magnitude[:, 2:]
        loud = peak > _LEAST_OF_LOUDEST * magnitude.max(axis=1, keepdims=True)
        frame, bin_ = np.nonzero(loud & (peak > before) & (peak >= after))
        left, top, right = (np.log(side[frame, bin_]) for side in (before, peak, after))
        # The top of the parabola through the three largest bins of a partial.
        offset = 0.5 * (left - right) / (left - 2 * top + right)
        semitones = 12 * np.log2((low + bin_ + offset) * bins_hz[1] / 440)
        direction += np.sum(np.sqrt(peak[frame, bin_]) * np.exp(2j * np.pi * semitones))
    return float(100 * np.angle(direction) / (2 * np.pi))
