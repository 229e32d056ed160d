"""Kernel additive modelling of what is steady over time and what is spread over frequency."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import soft_masks

Array = NDArray[np.floating]


def harmonic_percussive(
    A: Array,
    frames: int,
    bins: int,
    *,
    kernel: str = "median",
    iterations: int = 1,
    factor: float = 1.0,
    exponent: float = 2.0,
) -> Array:
    """Masks of the harmonic and of the percussive part, and of the residual that is neither.

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
    factor : float
        From 1: how many times as strong as the other one a part has to be.
    exponent : float
        Of the masks; infinity gives a bin to one of the three.

    Returns
    -------
    masks : ndarray [shape=(3, bins, frames)]
        They sum to one everywhere; where neither part sees anything, each takes half of what the residual leaves. With
        a factor of 1 the residual is zero.

    References
    ----------
    D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010 (one iteration with medians).
    D. Fitzgerald, A. Liutkus, Z. Rafii, B. Pardo and L. Daudet, "Harmonic/percussive separation using kernel additive
    modelling", ISSC 2014.
    J. Driedger, M. Müller and S. Disch, "Extending harmonic-percussive separation of audio signals", ISMIR 2014 (the
    separation factor and the residual).
    """
    smooth: Callable[[Array, int, int], Array] = _median if kernel == "median" else _hann
    harmonic = percussive = A
    for _ in range(iterations):
        smoothed = smooth(harmonic, frames, 1), smooth(percussive, bins, 0)
        parts = np.stack(
            [
                _share(one, factor * other, exponent, where_neither=1 / (1 + factor**exponent))
                for one, other in (smoothed, smoothed[::-1])
            ]
        )
        harmonic, percussive = parts * A
    if factor == 1:
        # But for rounding they sum to one already.
        return np.stack([parts[0], 1 - parts[0], np.zeros_like(parts[0])])
    return np.concatenate([parts, np.maximum(1 - parts.sum(axis=0, keepdims=True), 0)])


def _share(one: Array, other: Array, exponent: float, where_neither: float) -> Array:
    """The mask of one part beside another, and what it takes where there is neither."""
    share: Array = soft_masks(np.stack([one, other]), exponent)[0]
    share[(one == 0) & (other == 0)] = where_neither
    return share


def _median(values: Array, length: int, axis: int) -> Array:
    import scipy.ndimage

    # Along one axis alone SciPy keeps a running median, which is ten times as fast: rows become one, apart by what
    # their ends see.
    rows = np.moveaxis(values, axis, -1)
    reach = length // 2
    padded = np.pad(rows, [(0, 0), (reach, reach)], mode="symmetric")
    smoothed: Array = scipy.ndimage.median_filter(padded.reshape(-1), size=length).reshape(padded.shape)
    return np.moveaxis(smoothed[:, reach : reach + rows.shape[1]], -1, axis)


def _hann(values: Array, length: int, axis: int) -> Array:
    import scipy.ndimage

    # Without the zeros at its ends.
    window = np.hanning(length + 2)[1:-1]
    smoothed: Array = scipy.ndimage.convolve1d(values, window / window.sum(), axis=axis, mode="reflect")
    return smoothed
