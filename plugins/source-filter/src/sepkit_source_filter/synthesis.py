"""Sound of the models: oscillators and filtered noise, at any F0.

References
----------
Engel, Hantrakul, Gu and Roberts, "DDSP: Differentiable digital signal processing", ICLR 2020.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import STFT, periodic_window


def harmonic_sound(
    times_s: NDArray[np.floating],
    f0_hz: NDArray[np.floating],
    frames_s: NDArray[np.floating],
    bins_hz: NDArray[np.floating],
    amplitudes: NDArray[np.floating],
    strengths: NDArray[np.floating],
    length: int,
    sample_rate: int,
    phase: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Partials of one source, whose amplitudes are read off an envelope.

    Parameters
    ----------
    times_s, f0_hz : ndarray [shape=(points,)]
        NaN where unvoiced: there all is silent.
    frames_s : ndarray [shape=(frames,)]
    bins_hz : ndarray [shape=(bins,)]
        No partial above the last sounds, nor one from half the sample rate on.
    amplitudes : ndarray [shape=(frames, bins)]
        The envelope.
    strengths : ndarray [shape=(partials,)]
        Of partials by their number, beside the envelope; those above are as strong as the last.
    length : int
        In samples.
    sample_rate : int
    phase : float
        Of the first partial at the first sample, in radians.

    Returns
    -------
    samples : ndarray [shape=(length,)]
    phases : ndarray [shape=(length,)]
        Of the first partial, in radians. In double precision, for sums over minutes lose high partials in single.
    """
    at_s = np.arange(length) / sample_rate
    voiced = np.isfinite(f0_hz)
    samples = np.zeros(length)
    if not voiced.any():
        return samples, np.full(length, phase)
    held_hz = np.interp(at_s, times_s[voiced], f0_hz[voiced])
    cycles = np.cumsum(held_hz / sample_rate) - held_hz[0] / sample_rate
    phases = phase + 2 * np.pi * cycles
    at_frames_hz = np.interp(frames_s, times_s[voiced], f0_hz[voiced])
    nearest = np.searchsorted((times_s[:-1] + times_s[1:]) / 2, frames_s)
    sounding = voiced[nearest]
    top_hz = min(float(bins_hz[-1]), sample_rate / 2)
    rows = np.arange(len(frames_s))
    for number in range(1, int(top_hz / at_frames_hz.min()) + 1):
        place = number * at_frames_hz / bins_hz[1]
        below = np.minimum(place.astype(np.intp), len(bins_hz) - 2)
        part = place - below
        level = (1 - part) * amplitudes[rows, below] + part * amplitudes[rows, below + 1]
        level = level * strengths[min(number, len(strengths)) - 1]
        level = np.where(sounding & (number * at_frames_hz < top_hz), level, 0)
        if level.any():
            partial = np.interp(at_s, frames_s, level) * np.sin(np.fmod(number * phases, 2 * np.pi))
            samples += partial * (number * held_hz < sample_rate / 2)
    return samples, phases


def noise_sound(
    magnitudes: NDArray[np.floating], stft: STFT, length: int, rng: np.random.Generator
) -> NDArray[np.floating]:
    """White noise filtered to have given magnitudes [shape=(frames, bins)], in the mean over many draws."""
    white = rng.standard_normal(length).astype(np.float32)
    # The magnitude of complex normal noise has the mean sqrt(pi) / 2 of its root mean square.
    expected = np.sqrt(np.pi) / 2 * np.linalg.norm(window_of(stft))
    filters = np.zeros((1, stft.bins, len(magnitudes)), np.float32)
    filters[0, : magnitudes.shape[1]] = magnitudes.T / expected
    return np.asarray(stft.filter(white, lambda block: filters[..., block], 1)[0])


def window_of(stft: STFT) -> NDArray[np.float64]:
    """The window of a transform [shape=(window_length,)]."""
    return periodic_window(stft.window, stft.window_length)
