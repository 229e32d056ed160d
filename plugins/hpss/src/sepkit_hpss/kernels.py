"""Kernel additive modelling of what is steady over time and what is spread over frequency."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import soft_masks

Array = NDArray[np.floating]


def harmonic_percussive(
    A: Array, frames: int, bins: int, *, kernel: str = "median", iterations: int = 1, exponent: float = 2.0
) -> Array:
    """Soft masks of the harmonic and of the percussive part.

    Each part is smoothed along the axis on which it changes little, over time or over frequency, and both are given as
    much of the spectrogram as their masks say; with several iterations that is smoothed again.

    Parameters
    ----------
    A : ndarray [shape=(bins, frames)]
        Magnitude spectrogram.
    frames, bins : int
        Odd lengths of the kernels over time and over frequency.
    kernel : {"median", "hann"}
    iterations : int
        From 1.
    exponent : float
        Of the soft masks.

    Returns
    -------
    masks : ndarray [shape=(2, bins, frames)]
        They sum to one everywhere; where neither part sees anything, each takes half.

    References
    ----------
    D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010 (one iteration with medians).
    D. Fitzgerald, A. Liutkus, Z. Rafii, B. Pardo and L. Daudet, "Harmonic/percussive separation using kernel additive
    modelling", ISSC 2014.
    """
    smooth: Callable[[Array, int, int], Array] = _median if kernel == "median" else _hann
    harmonic = percussive = A
    masks = np.zeros((2, *A.shape), A.dtype)
    for _ in range(iterations):
        masks = soft_masks(np.stack([smooth(harmonic, frames, 1), smooth(percussive, bins, 0)]), exponent)
        masks += (1 - masks.sum(axis=0)) / 2
        harmonic, percussive = masks * A
    return masks


def _median(values: Array, length: int, axis: int) -> Array:
    import scipy.ndimage

    size = [1, 1]
    size[axis] = length
    smoothed: Array = scipy.ndimage.median_filter(values, size=size, mode="reflect")
    return smoothed


def _hann(values: Array, length: int, axis: int) -> Array:
    import scipy.ndimage

    # Without the zeros at its ends.
    window = np.hanning(length + 2)[1:-1]
    smoothed: Array = scipy.ndimage.convolve1d(values, window / window.sum(), axis=axis, mode="reflect")
    return smoothed
