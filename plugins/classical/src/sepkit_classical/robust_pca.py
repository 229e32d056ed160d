"""Principal component pursuit: a matrix as the sum of one of low rank and a sparse one.

References
----------
Candès, Li, Ma and Wright, "Robust principal component analysis?", Journal of the ACM 58(3), 2011.
Lin, Chen and Ma, "The augmented Lagrange multiplier method for exact recovery of corrupted low-rank matrices", 2010.
Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53(2), 2011 (subspace iteration).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

_GROWTH = 1.5
"""Of the penalty, from iteration to iteration."""
_SPARE = 10
"""Dimensions of the subspace beside those that are wanted."""


def robust_pca(
    M: Array,
    sparsity: float | None = None,
    *,
    tolerance: float = 1e-7,
    max_iterations: int = 100,
    check: Callable[[], None] = lambda: None,
) -> tuple[Array, Array]:
    r"""Minimise :math:`\|L\|_* + \lambda \|S\|_1` subject to :math:`L + S = M`, by inexact augmented Lagrangians.

    Parameters
    ----------
    M : ndarray [shape=(rows, columns)]
    sparsity : float, optional
        The weight :math:`\lambda`; by default one over the root of the longer side.
    tolerance : float
        Stop when :math:`\|M - L - S\|_F` is less than this fraction of :math:`\|M\|_F`.
    max_iterations : int
    check : callable
        Called in every iteration; may raise.

    Returns
    -------
    L, S : ndarray [shape=(rows, columns)]
        The part of low rank and the sparse one.
    """
    if len(M) > M.shape[1]:
        L, S = robust_pca(M.T, sparsity, tolerance=tolerance, max_iterations=max_iterations, check=check)
        return L.T, S.T
    # Squares of what is as loud as integers overflow in single precision; powers of two change no digit.
    _, exponent = np.frexp(np.abs(M).max(initial=0))
    M = np.ldexp(M, -exponent)
    weight = M.dtype.type(sparsity or M.shape[1] ** -0.5)
    shrinkage = SingularValueShrinkage(len(M))
    size = float(np.linalg.norm(M))
    if not size:
        return np.zeros_like(M), np.zeros_like(M)
    largest = shrinkage.largest(M)
    Y = M / M.dtype.type(max(largest, float(np.abs(M).max()) / float(weight)))
    mu, highest = 1.25 / largest, 1.25e7 / largest
    S = np.zeros_like(M)
    L = np.zeros_like(M)
    for _ in range(max_iterations):
        check()
        scaled = Y * M.dtype.type(1 / mu)
        scaled += M
        L = shrinkage(scaled - S, 1 / mu)
        S = soft_threshold(scaled - L, weight / M.dtype.type(mu))
        Z = M - L - S
        if float(np.linalg.norm(Z)) < tolerance * size:
            break
        Y += M.dtype.type(mu) * Z
        mu = min(_GROWTH * mu, highest)
    return np.ldexp(L, exponent), np.ldexp(S, exponent)


def soft_threshold(values: Array, threshold: float | np.floating) -> Array:
    """Values moved towards zero by a threshold."""
    return np.asarray(values - np.clip(values, -threshold, threshold))


class SingularValueShrinkage:
    """Singular values of a matrix moved towards zero; what stays is near the matrix before, so its subspace is kept.

    While few singular values stay, one step of subspace iteration from the subspace before finds them; when many do,
    the eigenvalues of the Gram matrix are as fast and exact.

    Parameters
    ----------
    rows : int
        The shorter side of the matrices.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._basis: Array | None = None

    @staticmethod
    def largest(M: Array) -> float:
        """The largest singular value, by power iteration to single precision."""
        vector = M @ np.asarray(np.random.default_rng(0).uniform(0.5, 1.5, M.shape[1]), M.dtype)
        value = 0.0
        for _ in range(100):
            vector /= np.linalg.norm(vector)
            vector = M @ (M.T @ vector)
            before, value = value, float(np.linalg.norm(vector)) ** 0.5
            if abs(value - before) < 1e-7 * value:
                break
        return value

    def __call__(self, M: Array, threshold: float) -> Array:
        """The matrix with every singular value less by `threshold`, or zero."""
        while True:
            basis = self._basis
            whole = basis is None or basis.shape[1] > self._rows // 4
            U, values = (self._gram if whole else self._subspace)(M)
            kept = int(np.count_nonzero(values > threshold))
            if whole or kept < len(values):
                break
            # All that the subspace has stays: there is more outside of it.
            self._basis = self._widened(U, 2 * kept)
        self._basis = U[:, : min(self._rows, kept + _SPARE)] if not whole else self._widened(U, kept + _SPARE)
        return self._shrunk(M, U[:, :kept], values[:kept], threshold)

    @staticmethod
    def _shrunk(M: Array, U: Array, values: Array, threshold: float) -> Array:
        factors = np.asarray(1 - threshold / values, M.dtype)
        return np.asarray((U * factors) @ (U.T @ M))

    @staticmethod
    def _gram(M: Array) -> tuple[Array, Array]:
        import scipy.linalg

        squares, U = scipy.linalg.eigh(M @ M.T, overwrite_a=True)
        return U[:, ::-1], np.sqrt(np.maximum(squares[::-1], 0))

    def _subspace(self, M: Array) -> tuple[Array, Array]:
        import scipy.linalg

        assert self._basis is not None
        basis, _ = scipy.linalg.qr(M @ (M.T @ self._basis), mode="economic", overwrite_a=True)
        small, values = self._gram(basis.T @ M)
        return basis @ small, values

    def _widened(self, U: Array, columns: int) -> Array:
        columns = min(self._rows, columns)
        if U.shape[1] >= columns:
            return U[:, :columns]
        more = np.random.default_rng(columns).standard_normal((self._rows, columns - U.shape[1]))
        return np.concatenate([U, more.astype(U.dtype)], axis=1)
