"""Distortion filters of BSS Eval: least-squares fits of delayed references to estimates, at any length of signal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sepkit.evaluation.stems import Stems

Filters = tuple[NDArray[np.float64], NDArray[np.float64]]


def delayed_blocks(
    references: Stems, estimates: Stems, start: int, stop: int, lags: int, length: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The samples from `start` to before `stop` block by block, the references with what the filters still hear.

    Before `start` and from `stop` on all is silence; the blocks go on until the last delayed sample has sounded.

    Yields
    ------
    truth : ndarray [shape=(sources, channels, lags - 1 + samples)]
        A block of the references behind the `lags` - 1 samples before it.
    guess : ndarray [shape=(estimates, channels, samples)]
    """
    past = np.zeros((len(references.names), references.channels, lags - 1))
    for begin in range(start, stop + lags - 1, length):
        samples = min(length, stop + lags - 1 - begin)
        end = min(begin + samples, stop)
        silence = [(0, 0), (0, 0), (0, samples - max(0, end - begin))]
        truth = np.concatenate([past, np.pad(references.read(begin, end), silence)], axis=2)
        past = truth[:, :, samples:]
        yield truth, np.pad(estimates.read(begin, end), silence)


def distortion_filters(correlations: NDArray[np.float64], channels: int, own: NDArray[np.intp]) -> Filters:
    """The filters that bring all references together nearest to each estimate, and its own reference alone.

    Parameters
    ----------
    correlations : ndarray [shape=(sources * channels, (sources + estimates) * channels, lags)]
        Inner products of references delayed by 0 to lags - 1 samples with references, then with estimates.
    channels : int
    own : ndarray [shape=(estimates,)]
        Index of the reference of each estimate.

    Returns
    -------
    from_all : ndarray [shape=(estimates, sources, channels, channels, lags)]
        From the channels of the references to those of the estimate.
    from_own : ndarray [shape=(estimates, channels, channels, lags)]
    """
    delayed, _, lags = correlations.shape
    solution = _least_squares(correlations[:, :delayed], correlations[:, delayed:])
    from_all = solution.reshape(delayed // channels, channels, len(own), channels, lags)
    from_own = np.empty((len(own), channels, channels, lags))
    for estimate, source in enumerate(own):
        rows = correlations[source * channels : (source + 1) * channels]
        first = delayed + estimate * channels
        from_own[estimate] = _least_squares(
            rows[:, source * channels : (source + 1) * channels], rows[:, first : first + channels]
        )
    return np.moveaxis(from_all, 2, 0), from_own


def _least_squares(auto: NDArray[np.float64], cross: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve the normal equations; where double precision leaves the solution open, by the smallest of all.

    Parameters
    ----------
    auto : ndarray [shape=(delayed, delayed, lags)]
    cross : ndarray [shape=(delayed, targets, lags)]

    Returns
    -------
    filters : ndarray [shape=(delayed, targets, lags)]
    """
    from scipy.linalg import lapack

    energies = np.diagonal(auto[..., 0])
    # As if all channels were equally loud, or a quiet one would be taken for one that depends on the others.
    norms = np.sqrt(np.where(energies > 0, energies, 1))[:, np.newaxis, np.newaxis]
    auto, cross = auto / norms / np.swapaxes(norms, 0, 1), cross / norms
    delayed, targets, lags = cross.shape
    right = np.swapaxes(cross, 1, 2).reshape(delayed * lags, targets)
    gram = _gram(auto)
    largest = lapack.dlange("1", gram)
    factors, fault = lapack.dpotrf(gram, overwrite_a=True)
    if fault or lapack.dpocon(factors, largest)[0] < np.finfo(float).eps:
        solution = _smallest_solution(_gram(auto), right)
    else:
        solution = lapack.dpotrs(factors, right)[0]
    filters: NDArray[np.float64] = np.swapaxes(solution.reshape(delayed, lags, targets), 1, 2) / norms
    return filters


def _gram(auto: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inner products of all delayed references with each other, a Toeplitz block for every pair, as LAPACK lays it out.

    Returns
    -------
    gram : ndarray [shape=(delayed * lags, delayed * lags)]
    """
    delayed, _, lags = auto.shape
    # Row by row a block is a window that slides over the correlations of all lags, from the past to the future.
    all_lags = np.concatenate([auto[..., :0:-1], np.swapaxes(auto, 0, 1)], axis=2)
    blocks = np.lib.stride_tricks.sliding_window_view(all_lags, lags, axis=2)[:, :, ::-1]
    # The matrix is symmetric: its transpose is the same in the order that LAPACK wants.
    return np.ascontiguousarray(np.swapaxes(blocks, 1, 2)).reshape(delayed * lags, -1).T


def _smallest_solution(gram: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve singular equations by Tikhonov's regularisation, many times faster than by singular values."""
    import scipy.linalg

    weight = 10 * np.finfo(float).eps * np.linalg.norm(gram, 1)
    factors = scipy.linalg.cho_factor(gram + weight * np.eye(len(gram)))
    solution = np.zeros_like(right)
    # The first pass is biased; the others take away from the bias all that the equations determine.
    for _ in range(4):
        solution += scipy.linalg.cho_solve(factors, right - gram @ solution)
    return solution
