from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepkit_nmf.initialize import nndsvd, normalize_templates, random_init


@settings(deadline=None, max_examples=40)
@given(
    bins=st.integers(1, 12),
    frames=st.integers(1, 12),
    rank=st.integers(1, 15),
    level=st.sampled_from([1e-8, 1.0, 1e8]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_random_start_is_positive_and_at_the_level_of_the_data(bins, frames, rank, level, dtype):
    V = (level * (0.1 + np.random.default_rng(0).random((bins, frames)))).astype(dtype)
    W, H = random_init(V, rank, np.random.default_rng(1))
    assert W.shape == (bins, rank)
    assert H.shape == (rank, frames)
    assert W.dtype == H.dtype == dtype
    assert W.min() > 0
    assert H.min() > 0
    assert (W @ H).mean() == pytest.approx(V.mean(), rel=1e-5)


def test_random_start_depends_on_the_generator_only():
    V = np.random.default_rng(0).random((6, 7))
    np.testing.assert_array_equal(
        random_init(V, 3, np.random.default_rng(5))[0], random_init(V, 3, np.random.default_rng(5))[0]
    )
    assert random_init(np.zeros((3, 4)), 2, np.random.default_rng(0))[0].min() > 0


def by_full_svd(V, rank):
    """The algorithm as printed in the paper, on a full decomposition."""
    U, S, Vt = np.linalg.svd(V.astype(np.float64), full_matrices=False)
    W, H = np.zeros((V.shape[0], rank)), np.zeros((rank, V.shape[1]))
    W[:, 0], H[0] = np.sqrt(S[0]) * np.abs(U[:, 0]), np.sqrt(S[0]) * np.abs(Vt[0])
    for j in range(1, rank):
        x, y = U[:, j], Vt[j]
        xp, yp, xn, yn = np.maximum(x, 0), np.maximum(y, 0), np.maximum(-x, 0), np.maximum(-y, 0)
        positive, negative = (np.linalg.norm(a) * np.linalg.norm(b) for a, b in ((xp, yp), (xn, yn)))
        u, v, sigma = (xp, yp, positive) if positive > negative else (xn, yn, negative)
        W[:, j] = np.sqrt(S[j] * sigma) * u / np.linalg.norm(u)
        H[j] = np.sqrt(S[j] * sigma) * v / np.linalg.norm(v)
    return W, H


@pytest.mark.parametrize("shape", [(20, 50), (50, 20)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_nndsvd_is_the_papers(shape, order):
    V = np.asarray(np.random.default_rng(3).random(shape), order=order)
    W, H = nndsvd(V, 6, fill="none")
    expected_w, expected_h = by_full_svd(V, 6)
    np.testing.assert_allclose(W, expected_w, atol=1e-7)
    np.testing.assert_allclose(H, expected_h, atol=1e-7)
    assert (W == 0).any()


def test_nndsvd_of_rank_one_is_the_leading_pair():
    V = np.outer(np.arange(1.0, 6), np.arange(2.0, 9))
    W, H = nndsvd(V, 1, fill="none")
    np.testing.assert_allclose(W @ H, V, rtol=1e-10)


def test_nndsvd_fills():
    V = np.random.default_rng(3).random((20, 30)).astype(np.float32)
    plain, _ = nndsvd(V, 5, fill="none")
    mean, _ = nndsvd(V, 5)
    drawn, _ = nndsvd(V, 5, fill="random", rng=np.random.default_rng(0))
    assert plain.dtype == mean.dtype == np.float32
    zeros = plain == 0
    np.testing.assert_array_equal(mean[~zeros], plain[~zeros])
    np.testing.assert_allclose(mean[zeros], V.mean(), rtol=1e-6)
    assert (drawn[zeros] <= V.mean() / 100).all()
    assert np.unique(drawn[zeros]).size > 1
    with pytest.raises(ValueError, match="pass rng"):
        nndsvd(V, 5, fill="random")
    with pytest.raises(ValueError, match="choose one of"):
        nndsvd(V, 5, fill="zeros")
    with pytest.raises(ValueError, match="use random_init"):
        nndsvd(V, 21)
    with pytest.raises(ValueError, match="pass 1 or more"):
        random_init(V, 0, np.random.default_rng(0))


def test_nndsvd_of_silence_and_of_deficient_rank_is_finite():
    rank_two = np.random.default_rng(0).random((9, 2)) @ np.random.default_rng(1).random((2, 8))
    for V in (np.zeros((4, 5)), rank_two):
        W, H = nndsvd(V, 4)
        assert np.isfinite(W).all()
        assert np.isfinite(H).all()


def test_nndsvd_never_copies_the_data():
    V = np.random.default_rng(0).random((40000, 257), dtype=np.float32).T
    tracemalloc.start()
    nndsvd(V, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < V.nbytes / 2


@pytest.mark.parametrize(("norm", "order"), [("sum", 1), ("l2", 2)])
def test_normalisation_moves_scale_and_nothing_else(norm, order):
    rng = np.random.default_rng(2)
    W, H = rng.random((8, 4)), rng.random((4, 9))
    W[:, 2] = 0
    before = W.copy(), H.copy()
    scaled_w, scaled_h = normalize_templates(W, H, norm)
    np.testing.assert_allclose(scaled_w @ scaled_h, W @ H, rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(scaled_w, order, axis=0), [1, 1, 0, 1], rtol=1e-12)
    np.testing.assert_array_equal(W, before[0])
    np.testing.assert_array_equal(H, before[1])
    with pytest.raises(ValueError, match="norm is"):
        normalize_templates(W, H, "l3")
