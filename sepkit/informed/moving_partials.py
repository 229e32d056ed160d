"""Spectra of partials whose frequency changes within the window, as that of vibrato and glides does.

A steady partial has the window's main lobe. One that moves is spread over all bins that it passes, the more so the
higher its number: a singer's vibrato spreads the tenth partial over hundreds of Hz. Where F0 is known its phase is, and
the spectrum of every partial follows: the transform of the window times ``exp(i k phase)``.

References
----------
Degottex and Stylianou, "Analysis and synthesis of speech using an adaptive full-band harmonic model", IEEE TASLP
21(10), 2013 (partials that follow F0 within the window).
Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", 1978.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import STFT, periodic_window

_POINTS = 128
"""Of the window: partials may spread over half as many bins to either side."""
_REACH_BINS = _POINTS // 2 - 2
_BLOCK_FRAMES = 512


def moving_partials(
    times_s: NDArray[np.floating],
    f0_hz: NDArray[np.floating],
    frames_s: NDArray[np.floating],
    stft: STFT,
    sample_rate: int,
    highest_hz: float,
) -> NDArray[np.float32]:
    """Magnitude spectra of partials that are all equally strong; every bin has that of the strongest partial there.

    Parameters
    ----------
    times_s, f0_hz : ndarray [shape=(points,)]
        F0 over time in Hz, NaN where unvoiced; beyond voiced stretches that of the nearest point goes on.
    frames_s : ndarray [shape=(frames,)]
        Centres of the frames. One is silent where F0 is NaN at the nearest of `times_s`.
    stft : STFT
        With a window that falls to zero at its ends, as Hann's does.
    sample_rate : int
        In Hz.
    highest_hz : float
        Partials go up to here, and bins too.

    Returns
    -------
    spectra : ndarray [shape=(frames, bins)]
        A steady partial has its maximum of 1.
    """
    bins = bins_below(stft, sample_rate, highest_hz)
    spectra = np.zeros((len(frames_s), bins), np.float32)
    known = np.isfinite(f0_hz)
    nearest = np.searchsorted((times_s[:-1] + times_s[1:]) / 2, frames_s)
    voiced = np.flatnonzero(known[nearest])
    for start in range(0, len(voiced), _BLOCK_FRAMES):
        block = voiced[start : start + _BLOCK_FRAMES]
        spectra[block] = _spectra(times_s[known], f0_hz[known], frames_s[block], stft, sample_rate, bins)
    return spectra


def bins_below(stft: STFT, sample_rate: int, highest_hz: float) -> int:
    """Number of bins up to a frequency."""
    return int(np.searchsorted(stft.bins_hz(sample_rate), highest_hz, side="right"))


def _spectra(
    times_s: NDArray[np.floating],
    f0_hz: NDArray[np.floating],
    frames_s: NDArray[np.floating],
    stft: STFT,
    sample_rate: int,
    bins: int,
) -> NDArray[np.float32]:
    import scipy.fft

    duration_s = stft.window_length / sample_rate
    bin_hz = 1 / duration_s
    within_s = ((np.arange(_POINTS) + 0.5) / _POINTS - 0.5) * duration_s
    window = periodic_window(stft.window, 2 * _POINTS)[1::2]
    window = (window / window.sum()).astype(np.float32)
    f0 = np.interp(frames_s[:, np.newaxis] + within_s, times_s, f0_hz)
    centre = f0 @ window
    first = np.exp(2j * np.pi * (duration_s / _POINTS) * np.cumsum(f0, axis=1)).astype(np.complex64)
    partial = np.ones_like(first)
    spectra = np.zeros((len(frames_s), bins), np.float32)
    flat = spectra.reshape(-1)
    for number in range(1, int(bins * bin_hz / centre.min()) + 1):
        partial *= first
        rows = np.flatnonzero(number * centre < bins * bin_hz)
        # Bins beyond the points of the window come round again, where the same partial has nothing.
        lobe = scipy.fft.fft(window * partial[rows], axis=1)
        reach = min(_REACH_BINS, int(centre[rows].max() / bin_hz) + 2)
        column = np.rint(number * centre[rows] / bin_hz).astype(np.intp)[:, np.newaxis] + np.arange(-reach, reach + 1)
        height = np.abs(np.take_along_axis(lobe, column % _POINTS, axis=1))
        inside = (column >= 0) & (column < bins)
        place = (rows[:, np.newaxis] * bins + column)[inside]
        flat[place] = np.maximum(flat[place], height[inside])
    return spectra
