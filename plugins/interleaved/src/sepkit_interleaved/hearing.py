"""What a network hears of a recording: magnitudes of its bands, relative to the level of the whole.

References
----------
Ioffe and Szegedy, "Batch normalization", ICML 2015: statistics of a batch are shared by all that pass through, so that
databases of different levels would spoil each other's. Here level does not get that far.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import STFT, periodic_window
from sepkit_interleaved.sizes import Plan

_COMPRESSION = 0.3
"""Exponent of magnitudes: soft partials are heard beside loud ones."""


def level_of(samples: NDArray[np.floating]) -> float:
    """Root of the mean square over channels and time; 1 for silence.

    Parameters
    ----------
    samples : ndarray [shape=(channels, samples)]
    """
    # Bit by bit, and relative to the peak, so that neither memory nor exponents run out.
    peak = float(max(samples.max(initial=0), -samples.min(initial=0)))
    if peak == 0:
        return 1.0
    step = 1 << 20
    total = sum(
        float(np.square(samples[:, start : start + step] / np.float32(peak), dtype=np.float64).sum())
        for start in range(0, samples.shape[-1], step)
    )
    return peak * math.sqrt(total / samples.size)


def unit_of(level: float, stft: STFT) -> float:
    """Magnitude of a bin, as root of the mean square, under white noise of that level."""
    return level * math.sqrt(float(np.square(periodic_window(stft.window, stft.window_length)).sum()))


def heard(spectrum: NDArray[np.complexfloating], plan: Plan) -> NDArray[np.floating]:
    """What the encoder gets.

    Parameters
    ----------
    spectrum : ndarray [shape=(channels, frames, bins)]
        Relative to the level of the recording.
    plan : Plan

    Returns
    -------
    heard : ndarray [shape=(channels, frames, bands)]
        A network that hears one channel at once gets the mean power of all.
    """
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    if plan.size.channels == 1:
        power = power.mean(axis=0, keepdims=True)
    compressed: NDArray[np.floating] = plan.heard.mean(power) ** power.dtype.type(_COMPRESSION / 2)
    return compressed
