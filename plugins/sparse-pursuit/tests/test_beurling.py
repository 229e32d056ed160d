"""Beurling LASSO against general minimisers on the fine grid, and the proximal operator against what it has to be."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from sepkit_sparse_pursuit.beurling import Convolution, Prox, solve

BINS, FINER, ALPHA = 64, 4, 0.05


def convolution() -> Convolution:
    """Two patterns of three bumps each."""
    axis = np.arange(BINS * FINER) / FINER
    patterns = np.zeros((2, BINS * FINER))
    for row, (offsets, heights) in enumerate([((0, 6, 11), (1, 0.6, 0.4)), ((0, 8.5, 15), (0.5, 1, 0.3))]):
        for offset, height in zip(offsets, heights, strict=True):
            distance = (axis - offset + BINS / 2) % BINS - BINS / 2
            patterns[row] += height * np.exp(-(distance**2) / (2 * 1.3**2))
    return Convolution(patterns, FINER)


def dense(A: Convolution) -> np.ndarray:
    """All patterns at all points of the fine grid as columns [shape=(bins, sources * bins * finer)]."""
    columns = [np.roll(pattern, shift)[::FINER] for pattern in A.patterns for shift in range(BINS * FINER)]
    return np.array(columns).T


def spikes(rng: np.random.Generator) -> np.ndarray:
    measure = np.zeros((1, 2, BINS * FINER))
    for source in range(2):
        measure[0, source, [rng.integers(20), 100 + rng.integers(40)]] = rng.uniform(0.5, 1.5, 2)
    return measure


def test_convolution_and_correlation_are_those_of_the_matrix() -> None:
    A, rng = convolution(), np.random.default_rng(0)
    M = dense(A).reshape(BINS, 2, -1)
    measure, p = rng.normal(size=(3, 2, BINS * FINER)), rng.normal(size=(3, 2, BINS))
    np.testing.assert_allclose(A.convolved(measure), np.einsum("bjf,sjf->sjb", M, measure), atol=1e-10)
    np.testing.assert_allclose(A.correlated(p), np.einsum("bjf,sjb->sjf", M, p), atol=1e-10)
    for source in range(2):
        eigenvalues = np.linalg.eigvalsh(M[:, source] @ M[:, source].T)
        assert A.eigenvalues[source].max() == pytest.approx(eigenvalues.max(), rel=1e-9)


@pytest.mark.parametrize("nonnegative", [True, False])
def test_sources_are_those_of_a_general_minimiser(nonnegative: bool) -> None:
    """L-BFGS-B on the positive and negative parts of the measure, on the same fine grid."""
    A, rng = convolution(), np.random.default_rng(1)
    Y = A.convolved(spikes(rng)).sum(axis=1) + rng.normal(0, 0.01, (1, BINS))
    M = dense(A)
    both = M if nonnegative else np.hstack([M, -M])

    def cost(measure: np.ndarray) -> tuple[float, np.ndarray]:
        left = both @ measure - Y[0]
        return left @ left / 2 + ALPHA * measure.sum(), both.T @ left + ALPHA

    found = scipy.optimize.minimize(
        cost, np.zeros(both.shape[1]), jac=True, bounds=[(0, None)] * both.shape[1], method="L-BFGS-B",
        options={"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-14, "gtol": 1e-9},
    )  # fmt: skip
    measure = found.x if nonnegative else found.x[: M.shape[1]] - found.x[M.shape[1] :]
    expected = A.convolved(measure.reshape(1, 2, -1))
    solution = solve(A, Y, ALPHA, steps=range(300), gap=1e-4, nonnegative=nonnegative)
    assert solution.certificate[0] <= 1.02
    assert 0 <= solution.gap[0] < 0.01
    assert np.linalg.norm(solution.sources - expected) < 0.01 * np.linalg.norm(expected)
    np.testing.assert_allclose(A.convolved(solution.measures), solution.sources, atol=1e-9)
    if nonnegative:
        assert solution.measures.min() >= 0


def test_the_prox_never_spreads_what_it_is_given() -> None:
    A, rng = convolution(), np.random.default_rng(2)
    x, y = rng.normal(size=(2, 20, 2, BINS))
    there, back = (Prox(A, nonnegative=False, inner=400)(one, 1.0)[0] for one in (x, y))
    apart = np.linalg.norm(there - back, axis=-1)
    assert (apart <= np.linalg.norm(x - y, axis=-1) * (1 + 1e-3)).all()


def test_the_prox_is_zero_where_no_pattern_correlates_enough() -> None:
    A, rng = convolution(), np.random.default_rng(3)
    x = rng.normal(size=(10, 2, BINS))
    for source in range(2):
        largest = np.abs(A.correlated(x))[:, source].max()
        below = Prox(A, nonnegative=False, inner=200)(x, 1.001 * largest)[0]
        above = Prox(A, nonnegative=False, inner=200)(x, 0.9 * largest)[0]
        assert np.linalg.norm(below[:, source]) < 1e-3 * np.linalg.norm(x)
        assert np.linalg.norm(above[:, source]) > 1e-3 * np.linalg.norm(x)


def test_positions_lie_between_bins() -> None:
    A = convolution()
    measure = np.zeros((1, 2, BINS * FINER))
    measure[0, 0, 41], measure[0, 1, 130] = 1, 0.8
    solution = solve(A, A.convolved(measure).sum(axis=1), 0.01, steps=range(300), inner=20, gap=1e-4)
    for source, place in ((0, 41), (1, 130)):
        found = solution.measures[0, source]
        near = found[place - 3 : place + 4]
        assert near.sum() > 0.9 * found.sum()
        assert (near @ np.arange(place - 3, place + 4)) / near.sum() == pytest.approx(place, abs=0.5)
