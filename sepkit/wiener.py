r"""Multichannel Wiener filtering by expectation-maximisation: from magnitudes of sources to spectra of all channels.

In every bin a source is a zero-mean complex Gaussian vector over channels. Its covariance is a power spectral density,
which changes with time, times a spatial covariance, which does not:
:math:`\mathbf{y}_j(f, n) \sim \mathcal{N}_c(0, v_j(f, n)\,\mathbf{R}_j(f))`. The posterior mean of a source given the
mixture is the multichannel Wiener filter. As in the systems that combine it with networks, the maximisation takes the
covariance of the last estimate alone, without that of the posterior, which is more robust for music.

References
----------
N. Q. K. Duong, E. Vincent and R. Gribonval, "Under-determined reverberant audio source separation using a full-rank
spatial covariance model", IEEE TASLP 18(7), 2010.
A. A. Nugraha, A. Liutkus and E. Vincent, "Multichannel audio source separation with deep neural networks",
IEEE/ACM TASLP 24(9), 2016.
S. Uhlich et al., "Improving music source separation based on deep neural networks through data augmentation and network
blending", ICASSP 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.phase import unit_phasors

_REGULARIZATION = 1e-7
"""Power of white noise in the model of the mixture, beside that of its loudest bin: covariances stay invertible."""


def multichannel_wiener(
    mixture: NDArray[np.complexfloating],
    magnitudes: NDArray[np.floating],
    *,
    iterations: int = 1,
    window: int | None = 300,
) -> NDArray[np.complexfloating]:
    """Spectra of the sources in all channels, from their magnitudes and the mixture.

    The start gives the magnitudes the phases of the mixture. After an iteration or more the spectra sum to the mixture,
    up to the regularisation, wherever any source has a magnitude.

    Parameters
    ----------
    mixture : ndarray [shape=(channels, bins, frames)]
    magnitudes : ndarray [shape=(sources, channels, bins, frames)]
        Nonnegative; of one channel where all channels share them.
    iterations : int
        0 gives the start.
    window : int or None
        Frames that share spatial covariances; each window is filtered on its own. None for one window of all frames.

    Returns
    -------
    spectra : ndarray [shape=(sources, channels, bins, frames)]
        Of the type of `mixture`.

    Raises
    ------
    ValueError
        If the shapes do not fit, magnitudes are negative or no numbers, or `iterations` or `window` is too small.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> mixture = rng.standard_normal((2, 5, 40)) + 1j * rng.standard_normal((2, 5, 40))
    >>> spectra = multichannel_wiener(mixture, rng.random((3, 2, 5, 40)))
    >>> bool(np.allclose(spectra.sum(axis=0), mixture, atol=1e-4))
    True
    """
    channels, bins, frames = mixture.shape
    if magnitudes.ndim != 4 or magnitudes.shape[1] not in (1, channels) or magnitudes.shape[2:] != (bins, frames):
        raise ValueError(
            f"a mixture of shape {mixture.shape} needs magnitudes of shape (sources, 1 or {channels}, {bins}, "
            f"{frames}), given {magnitudes.shape}"
        )
    if magnitudes.size and not (magnitudes.min() >= 0 and magnitudes.max() < np.inf):
        raise ValueError(f"magnitudes lie from {magnitudes.min()} to {magnitudes.max()}; give finite ones from 0")
    if iterations < 0 or (window is not None and window < 1):
        raise ValueError(f"iterations need to be 0 or more and a window 1 or more, given {iterations} and {window}")
    spectra: NDArray[np.complexfloating] = magnitudes * unit_phasors(mixture)
    spectra = spectra.astype(mixture.dtype, copy=False)
    if iterations:
        for start in range(0, frames, window or max(frames, 1)):
            block = slice(start, start + (window or frames))
            spectra[..., block] = expectation_maximization(mixture[..., block], spectra[..., block], iterations)
    return spectra


def expectation_maximization(
    x: NDArray[np.complexfloating], y: NDArray[np.complexfloating], iterations: int
) -> NDArray[np.complexfloating]:
    """Better estimates of the sources in one window.

    Parameters
    ----------
    x : ndarray [shape=(channels, bins, frames)]
        The mixture.
    y : ndarray [shape=(sources, channels, bins, frames)]
        Estimates to start from.
    iterations : int

    Returns
    -------
    y : ndarray [shape=(sources, channels, bins, frames)]
        In double precision.
    """
    x, y = x.astype(np.complex128), y.astype(np.complex128)
    noise = _REGULARIZATION * float(np.square(np.abs(x)).max(initial=0))
    if noise == 0:
        return np.zeros_like(y)
    for _ in range(iterations):
        v = power_spectral_densities(y)
        R = spatial_covariances(y, v)
        whitened = solve(mixture_covariance(v, R, noise), x)
        for j in range(len(y)):
            y[j] = v[j] * np.einsum("abf,bfn->afn", R[j], whitened)
    return y


def power_spectral_densities(y: NDArray[np.complexfloating]) -> NDArray[np.floating]:
    """Mean over channels of the powers of the sources: v [shape=(sources, bins, frames)]."""
    powers: NDArray[np.floating] = np.square(np.abs(y)).mean(axis=1)
    return powers


def spatial_covariances(y: NDArray[np.complexfloating], v: NDArray[np.floating]) -> NDArray[np.complexfloating]:
    """Covariances over channels, weighted by power: R [shape=(sources, channels, channels, bins)].

    Zero for a source that is silent in a bin; of the others the trace is the number of channels.
    """
    outer = np.stack([np.einsum("afn,bfn->abf", one, one.conj()) for one in y])
    total = v.sum(axis=-1)[:, np.newaxis, np.newaxis]
    covariances: NDArray[np.complexfloating] = np.divide(outer, total, out=np.zeros_like(outer), where=total > 0)
    return covariances


def mixture_covariance(
    v: NDArray[np.floating], R: NDArray[np.complexfloating], noise: float
) -> NDArray[np.complexfloating]:
    """What the model expects of the mixture [shape=(channels, channels, bins, frames)], with white noise of a power."""
    covariance: NDArray[np.complexfloating] = np.einsum("jfn,jabf->abfn", v, R)
    for channel in range(len(covariance)):
        covariance[channel, channel] += noise
    return covariance


def solve(C: NDArray[np.complexfloating], x: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
    """Solve ``C z = x`` in every bin and frame.

    Parameters
    ----------
    C : ndarray [shape=(channels, channels, bins, frames)]
    x : ndarray [shape=(channels, bins, frames)]

    Returns
    -------
    z : ndarray [shape=(channels, bins, frames)]
    """
    z: NDArray[np.complexfloating]
    if len(x) == 1:
        z = x / C[0]
    elif len(x) == 2:
        # Cramer's rule is many times as fast as a million calls to LAPACK.
        determinant = C[0, 0] * C[1, 1] - C[0, 1] * C[1, 0]
        z = np.stack([C[1, 1] * x[0] - C[0, 1] * x[1], C[0, 0] * x[1] - C[1, 0] * x[0]]) / determinant
    else:
        z = np.linalg.solve(np.moveaxis(C, (0, 1), (-2, -1)), np.moveaxis(x, 0, -1)[..., np.newaxis])[..., 0]
        z = np.moveaxis(z, -1, 0)
    return z
