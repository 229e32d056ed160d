"""Principal component pursuit finds both parts, and its fast steps are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit_classical import robust_pca
from sepkit_classical.robust_pca import SingularValueShrinkage

Array = NDArray[np.floating]


def low_rank_and_sparse(rows: int, columns: int, rank: int, share: float, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    low_rank = rng.standard_normal((rows, rank)) @ rng.standard_normal((rank, columns))
    hit = rng.random((rows, columns)) < share
    return low_rank, np.where(hit, rng.uniform(-10, 10, (rows, columns)), 0)


def shrunk_by_svd(M: Array, threshold: float) -> Array:
    U, values, V = np.linalg.svd(M, full_matrices=False)
    return np.asarray((U * np.maximum(values - threshold, 0)) @ V)


@settings(max_examples=20, deadline=None)
@given(rank=st.integers(1, 6), share=st.floats(0, 0.08), seed=st.integers(0, 99), tall=st.booleans())
def test_parts_are_recovered_exactly(rank: int, share: float, seed: int, tall: bool) -> None:
    low_rank, sparse = low_rank_and_sparse(80, 120, rank, share, seed)
    if tall:
        low_rank, sparse = low_rank.T, sparse.T
    L, S = robust_pca(low_rank + sparse)
    assert np.abs(low_rank - L).max() < 1e-4
    assert np.abs(sparse - S).max() < 1e-4
    assert np.linalg.matrix_rank(L, tol=1e-4 * np.linalg.norm(L, 2)) == rank


def test_what_is_found_is_the_least_of_the_objective() -> None:
    rng = np.random.default_rng(4)
    M = np.abs(rng.standard_normal((20, 30)))
    L, S = robust_pca(M, 0.2, max_iterations=500)

    def objective(low_rank: Array) -> float:
        return float(np.linalg.norm(low_rank, "nuc") + 0.2 * np.abs(M - low_rank).sum())

    assert pytest.approx(M, abs=1e-5) == L + S
    least = objective(L)
    for scale in (1e-3, 1e-2, 0.1):
        assert all(objective(L + scale * rng.standard_normal(M.shape)) >= least - 1e-4 for _ in range(20))


@settings(max_examples=20, deadline=None)
@given(threshold=st.floats(0.5, 200), seed=st.integers(0, 99))
def test_shrinkage_is_that_of_the_singular_value_decomposition(threshold: float, seed: int) -> None:
    M, _ = low_rank_and_sparse(60, 90, 8, 0, seed)
    M += 0.01 * np.random.default_rng(seed).standard_normal(M.shape)
    shrinkage = SingularValueShrinkage(60)
    for drift in (0, 1e-3, 2e-3):
        # The second and third of matrices that are alike come from the subspace of the one before.
        moved = M * (1 + drift)
        assert shrinkage(moved, threshold) == pytest.approx(shrunk_by_svd(moved, threshold), abs=1e-3)


def test_a_subspace_that_became_too_small_is_widened() -> None:
    rng = np.random.default_rng(0)
    U, V = (np.linalg.qr(rng.standard_normal((side, 200)))[0] for side in (200, 220))
    values = 0.8 ** np.arange(200)
    M = (U * values) @ V.T
    shrinkage = SingularValueShrinkage(200)
    for kept in (1, 15, 30):
        threshold = float(values[kept - 1]) * 0.9
        assert shrinkage(M, threshold) == pytest.approx(shrunk_by_svd(M, threshold), abs=1e-4)


@pytest.mark.parametrize("exponent", [-60, 40])
def test_parts_are_in_proportion_to_the_level(exponent: int) -> None:
    M = np.abs(sum(low_rank_and_sparse(40, 60, 3, 0.05, 5))).astype(np.float32)
    L, S = robust_pca(np.ldexp(M, exponent))
    quiet_L, quiet_S = robust_pca(M)
    assert L.dtype == np.float32
    assert np.array_equal(L, np.ldexp(quiet_L, exponent))
    assert np.array_equal(S, np.ldexp(quiet_S, exponent))


def test_nothing_is_of_nothing() -> None:
    L, S = robust_pca(np.zeros((5, 8), np.float32))
    assert not L.any()
    assert not S.any()


def test_the_largest_singular_value_is_found_where_power_iteration_starts_in_vain() -> None:
    assert SingularValueShrinkage.largest(np.array([[1.0, -1.0]])) == pytest.approx(2**0.5)
