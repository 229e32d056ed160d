"""Agreement with independent implementations from the same start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sepkit_nmf.divergence import beta_divergence
from sepkit_nmf.factorization import factorize

FLOAT32_EPS = float(np.finfo(np.float32).eps)
ORACLE = Path(__file__).parents[3].parent / "shared" / "data" / "metrics" / "nmf_oracle" / "nmf_oracle.npz"


def start(bins=60, frames=80, rank=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((bins, frames)), rng.random((bins, rank)), rng.random((rank, frames))


def lee_seung(V, W, H, iterations, epsilon):
    """Multiplicative updates for the Euclidean distance as a textbook prints them, activations first."""
    for _ in range(iterations):
        H = H * ((W.T @ V) / (W.T @ W @ H + epsilon))
        W = W * ((V @ H.T) / (W @ H @ H.T + epsilon))
    return W, H


def test_textbook_euclidean_updates_with_an_added_epsilon():
    V, W, H = start()
    expected = lee_seung(V, W, H, 100, FLOAT32_EPS)
    result = factorize(V, W, H, beta=2, solver="mu", max_iterations=100, tolerance=0, added_epsilon=FLOAT32_EPS)
    np.testing.assert_allclose(result.W, expected[0], atol=1e-10, rtol=0)
    np.testing.assert_allclose(result.H, expected[1], atol=1e-10, rtol=0)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_textbook_updates_of_any_divergence(beta):
    V, W, H = start()
    exponent = 1 / (2 - beta) if beta < 1 else 1 / (beta - 1) if beta > 2 else 1
    result = factorize(V, W, H, beta=beta, solver="mu", max_iterations=20, tolerance=0)
    for _ in range(20):
        Y = W @ H
        H = H * (W.T @ (V * Y ** (beta - 2)) / (W.T @ Y ** (beta - 1))) ** exponent
        Y = W @ H
        W = W * ((V * Y ** (beta - 2)) @ H.T / (Y ** (beta - 1) @ H.T)) ** exponent
    np.testing.assert_allclose(result.W, W, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(result.H, H, rtol=1e-9, atol=1e-13)


@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
@pytest.mark.parametrize("beta", [2, 1, 0])
def test_scikit_learn_multiplicative_updates(beta):
    from sklearn.decomposition import non_negative_factorization

    V, W, H = start()
    result = factorize(V, W, H, beta=beta, solver="mu", max_iterations=50, tolerance=0)
    # scikit-learn updates its first factor first: of the transposed problem that is the transposed activations.
    first, second, _ = non_negative_factorization(
        np.ascontiguousarray(V.T),
        W=np.ascontiguousarray(H.T),
        H=np.ascontiguousarray(W.T),
        n_components=5,
        init="custom",
        solver="mu",
        beta_loss=beta,
        tol=0,
        max_iter=50,
    )
    np.testing.assert_allclose(result.H, first.T, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(result.W, second.T, rtol=1e-6, atol=1e-10)


@pytest.fixture(scope="module")
def oracle():
    if not ORACLE.exists():
        pytest.skip(f"the factors of other packages are not at {ORACLE}")
    with np.load(ORACLE) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("iterations", [1, 50])
def test_stored_libfmp_factors(oracle, iterations):
    result = factorize(
        oracle["V"],
        oracle["W0"],
        oracle["H0"],
        beta=2,
        solver="mu",
        max_iterations=iterations,
        tolerance=0,
        added_epsilon=FLOAT32_EPS,
    )
    np.testing.assert_allclose(result.W, oracle[f"libfmp_euc_{iterations}_W"], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(result.H, oracle[f"libfmp_euc_{iterations}_H"], rtol=1e-9, atol=1e-10)


def templates_first(oracle, beta, iterations):
    """Our factors of the transposed problem, transposed back: the order in which the other packages go."""
    result = factorize(
        oracle["V"].T,
        oracle["H0"].T,
        oracle["W0"].T,
        beta=beta,
        solver="mu",
        max_iterations=iterations,
        tolerance=0,
    )
    return result.H.T, result.W.T


@pytest.mark.parametrize("iterations", [1, 10, 100])
@pytest.mark.parametrize(("name", "beta"), [("fro", 2), ("kl", 1), ("is", 0)])
def test_stored_scikit_learn_factors(oracle, name, beta, iterations):
    W, H = templates_first(oracle, beta, iterations)
    np.testing.assert_allclose(W, oracle[f"sklearn_{name}_{iterations}_W"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(H, oracle[f"sklearn_{name}_{iterations}_H"], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("beta", "tolerance"), [(2, 1e-4), (1, 1e-3)])
def test_stored_torchnmf_factors(oracle, beta, tolerance):
    W, H = templates_first(oracle, beta, 30)
    other = oracle[f"torchnmf_b{beta}_30_W"] @ oracle[f"torchnmf_b{beta}_30_H"]
    # Computed in float32 there; factors of one product may differ in scale, the product may not.
    assert np.linalg.norm(W @ H - other) < tolerance * np.linalg.norm(other)
    assert beta_divergence(oracle["V"], W @ H, beta) == pytest.approx(
        beta_divergence(oracle["V"], other.astype(np.float64), beta), rel=tolerance
    )
