from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepkit_nmf.divergence import beta_divergence, data_floor

BETAS = (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


def textbook(V, Y, beta):
    """The definitions, element by element, in float64."""
    V, Y = V.astype(np.float64), Y.astype(np.float64)
    if beta == 1:
        return np.sum(V * np.log(V / Y) - V + Y)
    if beta == 0:
        return np.sum(V / Y - np.log(V / Y) - 1)
    return np.sum((V**beta + (beta - 1) * Y**beta - beta * V * Y ** (beta - 1)) / (beta * (beta - 1)))


@pytest.mark.parametrize("beta", BETAS)
def test_matches_the_definition(rng, beta):
    V, Y = rng.random((30, 5000)) + 0.01, rng.random((30, 5000)) + 0.01
    assert beta_divergence(V, Y, beta) == pytest.approx(textbook(V, Y, beta), rel=1e-11)
    assert beta_divergence(np.asfortranarray(V), Y, beta) == pytest.approx(textbook(V, Y, beta), rel=1e-11)


@pytest.mark.parametrize("beta", BETAS)
def test_float32_is_accumulated_in_float64(rng, beta):
    V, Y = (rng.random((64, 20000), dtype=np.float32) + np.float32(0.1) for _ in range(2))
    assert beta_divergence(V, Y, beta) == pytest.approx(textbook(V, Y, beta), rel=1e-7)


@settings(deadline=None, max_examples=60)
@given(
    # Between a limit and its close neighbours lies nothing but rounding.
    beta=st.floats(-1.5, 3.5).filter(lambda beta: abs(beta) > 1e-3 and abs(beta - 1) > 1e-3),
    bins=st.integers(1, 8),
    frames=st.integers(1, 8),
    seed=st.integers(0, 1000),
    silent=st.floats(0, 1),
)
def test_is_never_negative_and_zero_for_equal_arguments(beta, bins, frames, seed, silent):
    rng = np.random.default_rng(seed)
    V = rng.random((bins, frames)) * (rng.random((bins, frames)) >= silent)
    Y = rng.random((bins, frames))
    scale = 1 + abs(beta_divergence(V, np.ones_like(V), beta))
    assert beta_divergence(V, Y, beta) >= -1e-9 * scale
    assert beta_divergence(V, V, 1) == pytest.approx(0, abs=1e-9)
    assert beta_divergence(V, V, 0) == pytest.approx(0, abs=1e-9)
    assert beta_divergence(V, V, 2) == 0


@pytest.mark.parametrize("beta", BETAS)
def test_scales_with_the_data_to_the_power_beta(rng, beta):
    V, Y = rng.random((20, 30)) * (rng.random((20, 30)) > 0.3), rng.random((20, 30))
    assert beta_divergence(2.0**20 * V, 2.0**20 * Y, beta) == pytest.approx(
        2.0 ** (20 * beta) * beta_divergence(V, Y, beta), rel=1e-10
    )


def test_zeros_cost_what_the_convention_says(rng):
    V = rng.random((5, 6))
    V[2] = 0
    Y = V.copy()
    assert beta_divergence(V, Y, 0) == pytest.approx(0, abs=1e-12)
    assert beta_divergence(V, Y, 1) == pytest.approx(0, abs=1e-9)
    Y[2] = 0.5
    # Under KL an unexplained silence costs the model's own value; under IS it is finite and lower for a softer model.
    assert beta_divergence(V, Y, 1) == pytest.approx(6 * 0.5)
    loud = beta_divergence(V, Y, 0)
    Y[2] = 0.25
    assert 0 < beta_divergence(V, Y, 0) < loud < np.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floor_follows_the_level(rng, dtype):
    V = rng.random((10, 10)).astype(dtype)
    assert data_floor(V * dtype(1024)) == pytest.approx(1024 * data_floor(V))
    assert data_floor(np.zeros_like(V)) > 0


def test_takes_little_memory_beside_its_arguments(rng):
    V = np.asfortranarray(rng.random((257, 20000), dtype=np.float32))
    tracemalloc.start()
    beta_divergence(V, V, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < V.nbytes / 4


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 3\) and Y \(3, 2\)"):
        beta_divergence(np.ones((2, 3)), np.ones((3, 2)), 1)
    with pytest.raises(ValueError, match="bins, frames"):
        beta_divergence(np.ones(3), np.ones(3), 1)


@pytest.fixture
def rng():
    return np.random.default_rng(7)
