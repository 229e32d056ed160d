"""Phases for magnitudes that have none: the algorithm of Griffin and Lim.

References
----------
D. W. Griffin and J. S. Lim, "Signal estimation from modified short-time Fourier transform", IEEE TASSP 32(2), 1984.
N. Perraudin, P. Balazs and P. L. Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.spectral import STFT


def griffin_lim(
    magnitude: NDArray[np.floating],
    stft: STFT,
    length: int,
    *,
    start: NDArray[np.complexfloating] | None = None,
    iterations: int = 50,
    momentum: float = 0.0,
    project: Callable[[NDArray[np.floating]], NDArray[np.floating]] | None = None,
    steps: Callable[[int], Iterable[object]] = range,
) -> NDArray[np.floating]:
    r"""A signal whose spectrogram comes close to a given one.

    Each iteration gives the wanted magnitudes the phases of the signal's spectrum, and takes the signal whose spectrum
    is nearest to that in the sense of least squares. Without momentum the distance
    :math:`\| |\mathrm{STFT}(x)| - A \|` never grows. With it, phases are taken from the signal moved on by so much of
    its last change, which comes closer in as many iterations and may rise in between.

    Spectra are made block by block, so that beside the magnitudes only signals are held.

    Parameters
    ----------
    magnitude : ndarray [shape=(..., bins, frames)]
        Nonnegative, of as many frames as `stft` gives `length` samples.
    stft : STFT
        Any.
    length : int
        Number of samples wanted.
    start : ndarray [shape=(..., bins, frames)], optional
        A spectrum whose phases to start from; by default all are zero. Its magnitudes do not matter.
    iterations : int
        0 gives the signal of the phases to start from.
    momentum : float
        From 0; the paper of the fast variant takes 0.99.
    project : callable, optional
        From a signal to the nearest one that is allowed, such as one that is silent before an onset; applied to each.
    steps : callable
        From a number of iterations to an iterable of that length, to show progress or to cancel by raising.

    Returns
    -------
    samples : ndarray [shape=(..., length)]
        Of the type of `magnitude`.

    Raises
    ------
    ValueError
        If the shapes do not fit, magnitudes are negative or no numbers, or `iterations` or `momentum` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from sepkit.phase import griffin_lim, spectral_convergence
    >>> stft = STFT(512, 128)
    >>> x = np.sin(np.arange(4000) / 9)
    >>> magnitude = stft.magnitude(x)
    >>> spectral_convergence(griffin_lim(magnitude, stft, 4000, iterations=100), magnitude, stft) < 0.05
    True
    """
    shape = (stft.bins, stft.frames(length))
    if magnitude.shape[-2:] != shape:
        raise ValueError(f"{length} samples need magnitudes of shape {shape}, given {magnitude.shape[-2:]}")
    if start is not None and start.shape != magnitude.shape:
        raise ValueError(f"the start has shape {start.shape} and the magnitudes {magnitude.shape}; give one shape")
    if not (magnitude.min() >= 0 and magnitude.max() < np.inf):
        raise ValueError(f"magnitudes lie from {magnitude.min()} to {magnitude.max()}; give finite ones from 0")
    if iterations < 0 or not 0 <= momentum < np.inf:
        raise ValueError(f"iterations and momentum need to be 0 or more, given {iterations} and {momentum}")

    def with_phases_of(samples: NDArray[np.floating], block: slice) -> NDArray[np.complexfloating]:
        return magnitude[..., block] * unit_phasors(stft.forward(samples, block))

    def at_start(block: slice) -> NDArray[np.complexfloating]:
        first = magnitude[..., block]
        return first + 0j if start is None else first * unit_phasors(start[..., block])

    synthesize = partial(stft.synthesize, shape=(*magnitude.shape[:-2], length), dtype=magnitude.dtype)
    allowed = project or (lambda signal: signal)
    samples = allowed(synthesize(at_start))
    # Transforms are linear, so what Perraudin et al. do to spectra is done to signals.
    moved_on = samples
    for _ in steps(iterations):
        before, samples = samples, allowed(synthesize(partial(with_phases_of, moved_on)))
        moved_on = _moved_on(before, samples, momentum) if momentum else samples
    return samples


def _moved_on(before: NDArray[np.floating], now: NDArray[np.floating], momentum: float) -> NDArray[np.floating]:
    """A signal that changes once more by so much of its last change."""
    ahead = large.empty(now.shape, now.dtype)
    for span in large.spans(now.shape[-1], rows=now[..., 0].size):
        ahead[..., span] = now[..., span] + now.dtype.type(momentum) * (now[..., span] - before[..., span])
    return ahead


def unit_phasors(spectrum: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
    """Numbers of magnitude one and the same phases; one where there is nothing [shape=spectrum.shape]."""
    size = np.abs(spectrum)
    # What is smaller has too few digits left to tell a phase.
    told = size >= np.finfo(size.dtype).tiny
    phasors: NDArray[np.complexfloating] = np.divide(spectrum, size, out=np.ones_like(spectrum), where=told)
    return phasors


def spectral_convergence(samples: NDArray[np.floating], magnitude: NDArray[np.floating], stft: STFT) -> float:
    r"""How far the spectrogram of a signal is from a wanted one, relative to that: :math:`\||X| - A\| / \|A\|`.

    Every bin between the first and the last stands for two frequencies, one negative, and counts twice.

    Parameters
    ----------
    samples : ndarray [shape=(..., samples)]
    magnitude : ndarray [shape=(..., bins, frames)]
    stft : STFT

    Returns
    -------
    float
        0 where both are equal, and where nothing is wanted and there is nothing.
    """
    weights = np.full((stft.bins, 1), 2.0)
    weights[0] = 1.0
    if stft.window_length % 2 == 0:
        weights[-1] = 1.0
    missed = wanted = 0.0
    for block in stft.blocks(samples.shape[-1]):
        there, aim = np.abs(stft.forward(samples, block)), magnitude[..., block]
        missed += float((weights * np.square(there - aim, dtype=np.float64)).sum())
        wanted += float((weights * np.square(aim, dtype=np.float64)).sum())
    return (missed / wanted) ** 0.5 if wanted > 0 else float(missed > 0)
