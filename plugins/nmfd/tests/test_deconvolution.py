"""The mathematics of NMFD, against what it must satisfy and against slow loops written from the formulas."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import sepkit_nmfd.model
from sepkit_nmf import beta_divergence, factorize
from sepkit_nmfd import deconvolve, normalize_lagged
from sepkit_nmfd.model import add_folded, stacked

Array = NDArray[np.float64]

BETAS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]


def drawn(seed: int, bins: int = 13, frames: int = 40, atoms: int = 3, lags: int = 5) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    return (
        rng.gamma(0.7, size=(bins, frames)),
        0.1 + rng.random((bins, atoms, lags)),
        0.1 + rng.random((atoms, frames)),
    )


def shifted(H: Array, lag: int) -> Array:
    """Moved to the right for positive lags, to the left for negative ones; zeros come in."""
    moved = np.zeros_like(H)
    for n in range(H.shape[1]):
        if 0 <= n - lag < H.shape[1]:
            moved[:, n] = H[:, n - lag]
    return moved


def model(W: Array, H: Array) -> Array:
    return np.asarray(sum(W[:, :, lag] @ shifted(H, lag) for lag in range(W.shape[2])))


def by_the_formulas(V: Array, W: Array, H: Array, beta: float, iterations: int) -> tuple[Array, Array]:
    """Multiplicative updates, activations first, lag by lag."""
    gamma = 1 / (2 - beta) if beta < 1 else 1 / (beta - 1) if beta > 2 else 1.0
    lags = range(W.shape[2])
    for _ in range(iterations):
        L = model(W, H)
        up, down = V * L ** (beta - 2), L ** (beta - 1)
        H = (
            H
            * (sum(W[:, :, t].T @ shifted(up, -t) for t in lags) / sum(W[:, :, t].T @ shifted(down, -t) for t in lags))
            ** gamma
        )
        L = model(W, H)
        up, down = V * L ** (beta - 2), L ** (beta - 1)
        ratios = [(up @ shifted(H, t).T) / (down @ shifted(H, t).T) for t in lags]
        W = W * np.stack(ratios, axis=2) ** gamma
    return W, H


def by_the_heuristic(V: Array, W: Array, H: Array, iterations: int) -> tuple[Array, Array]:
    """Smaragdis' rule of 2004: activations by the average of the ratios of all lags."""
    lags = range(W.shape[2])
    for _ in range(iterations):
        Q = V / model(W, H)
        ratios = [(Q @ shifted(H, t).T) / shifted(H, t).sum(axis=1) for t in lags]
        updates = [(W[:, :, t].T @ shifted(Q, -t)) / W[:, :, t].sum(axis=0)[:, np.newaxis] for t in lags]
        W, H = W * np.stack(ratios, axis=2), H * np.mean(updates, axis=0)
    return W, H


class TestShifts:
    @given(st.integers(0, 99), st.integers(1, 9), st.integers(1, 12))
    @settings(deadline=None)
    def test_stacks_what_the_formula_shifts(self, seed: int, lags: int, size: int) -> None:
        H = np.random.default_rng(seed).random((3, 11))
        wanted = np.stack([shifted(H, lag) for lag in range(lags)], axis=1).reshape(3 * lags, 11)
        blocks = [slice(start, min(start + size, 11)) for start in range(0, 11, size)]
        assert np.array_equal(np.concatenate([stacked(H, block, lags) for block in blocks], axis=1), wanted)

    @given(st.integers(0, 99), st.integers(1, 9), st.integers(0, 10), st.integers(1, 11))
    @settings(deadline=None)
    def test_folding_is_the_adjoint(self, seed: int, lags: int, start: int, size: int) -> None:
        rng, block = np.random.default_rng(seed), slice(start, min(start + size, 11))
        H, P = rng.random((3, 11)), rng.random((3 * lags, block.stop - block.start))
        folded = np.zeros_like(H)
        add_folded(P, folded, block, lags)
        assert np.vdot(stacked(H, block, lags), P) == pytest.approx(np.vdot(H, folded))


class TestUpdates:
    @pytest.mark.parametrize("solver", ["mu", "mue"])
    @pytest.mark.parametrize("beta", [1.0, 1.5, 2.0])
    def test_with_one_lag_it_is_nmf(self, beta: float, solver: str) -> None:
        V, W, H = drawn(0, lags=1)
        ours = deconvolve(V, W, H, beta=beta, solver=solver, max_iterations=25, tolerance=0)
        theirs = factorize(V, W[:, :, 0], H, beta=beta, solver=solver, max_iterations=25, tolerance=0)
        assert ours.W[:, :, 0] == pytest.approx(theirs.W, rel=1e-12, abs=1e-14)
        assert pytest.approx(theirs.H, rel=1e-12, abs=1e-14) == ours.H
        assert ours.costs == pytest.approx(theirs.costs, rel=1e-12)

    @pytest.mark.parametrize("beta", BETAS)
    def test_are_those_of_the_formulas(self, beta: float) -> None:
        V, W, H = drawn(1)
        V += 0.01
        fit = deconvolve(V, W, H, beta=beta, solver="mu", max_iterations=4, tolerance=0)
        wanted_w, wanted_h = by_the_formulas(V, W, H, beta, 4)
        assert pytest.approx(wanted_w, rel=1e-9) == fit.W
        assert pytest.approx(wanted_h, rel=1e-9) == fit.H

    @given(seed=st.integers(0, 2**31), beta=st.sampled_from(BETAS), lags=st.integers(1, 8), frames=st.integers(1, 30))
    @settings(max_examples=40, deadline=None)
    def test_never_raise_the_cost(self, seed: int, beta: float, lags: int, frames: int) -> None:
        V, W, H = drawn(seed, frames=frames, lags=lags)
        V[:, V.shape[1] // 2] = 0
        solvers = ["mu", "mue"] if 1 <= beta <= 2 else ["mu"]
        for solver in solvers:
            now, costs = (W, H), []
            for _ in range(6):
                fit = deconvolve(V, *now, beta=beta, solver=solver, max_iterations=1)
                now = fit.W, fit.H
                costs += fit.costs
            assert all(np.isfinite(costs))
            assert all(b <= a + 1e-9 * abs(a) + 1e-12 for a, b in itertools.pairwise(costs))

    @pytest.mark.parametrize("beta", BETAS)
    def test_stay_at_an_exact_model_up_to_both_borders(self, beta: float) -> None:
        _, W, H = drawn(2)
        fit = deconvolve(model(W, H), W, H, beta=beta, solver="mu", max_iterations=3, tolerance=0)
        assert pytest.approx(W, rel=1e-9) == fit.W
        assert pytest.approx(H, rel=1e-9) == fit.H

    def test_move_with_the_data(self) -> None:
        V, W, H = drawn(3)
        V[:, -12:] = H[:, -12:] = V[:, :4] = H[:, :4] = 0
        here = deconvolve(V, W, H, solver="mu", max_iterations=10, tolerance=0)
        there = deconvolve(shifted(V, 3), W, shifted(H, 3), solver="mu", max_iterations=10, tolerance=0)
        assert pytest.approx(here.W, rel=1e-9) == there.W
        assert pytest.approx(shifted(here.H, 3), rel=1e-9, abs=1e-12) == there.H

    def test_templates_leave_the_sum_of_every_bin_as_it_is(self) -> None:
        V, W, H = drawn(4)
        fit = deconvolve(V, W, H, solver="mu", max_iterations=3, tolerance=0)
        # The templates are updated last, under the Kullback-Leibler divergence.
        assert model(fit.W, fit.H).sum(axis=1) == pytest.approx(V.sum(axis=1), rel=1e-9)

    def test_cost_is_the_divergence(self) -> None:
        V, W, H = drawn(5)
        for beta in BETAS:
            assert deconvolve(V, W, H, beta=beta, solver="mu", max_iterations=0).costs[0] == pytest.approx(
                beta_divergence(V, model(W, H), beta), rel=1e-9
            )

    def test_beat_the_heuristic(self) -> None:
        for seed in range(6):
            V, W, H = drawn(seed, bins=30, frames=90, lags=8)
            ours = deconvolve(V, W, H, solver="mu", max_iterations=30, tolerance=0)
            theirs = by_the_heuristic(V, W, H, 30)
            assert ours.costs[-1] < beta_divergence(V, model(*theirs), 1)

    @pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
    def test_blocks_do_not_matter(self, beta: float, monkeypatch: pytest.MonkeyPatch) -> None:
        V, W, H = drawn(6)
        whole = deconvolve(V, W, H, beta=beta, solver="mu", max_iterations=5, tolerance=0)
        monkeypatch.setattr(sepkit_nmfd.model, "PASS_ELEMENTS", 13 * 4)
        monkeypatch.setattr(sepkit_nmfd.model, "COST_ELEMENTS", 13 * 3)
        cut = deconvolve(V, W, H, beta=beta, solver="mu", max_iterations=5, tolerance=0)
        assert pytest.approx(whole.W, rel=1e-10) == cut.W
        assert pytest.approx(whole.H, rel=1e-10) == cut.H
        assert cut.costs == pytest.approx(whole.costs, rel=1e-10)


class TestWhatStays:
    def test_zeros(self) -> None:
        V, W, H = drawn(7)
        W[3:5, 1], H[0, 10:20] = 0, 0
        fit = deconvolve(V, W, H, max_iterations=20)
        assert (fit.W[W == 0] == 0).all()
        assert (fit.H[H == 0] == 0).all()

    def test_single_templates(self) -> None:
        V, W, H = drawn(8)
        fit = deconvolve(V, W, H, free_w=np.array([True, False, True]), max_iterations=20)
        assert np.array_equal(fit.W[:, 1], W[:, 1])
        assert not np.allclose(fit.W[:, 0], W[:, 0])
        assert fit.costs[-1] < fit.costs[0]

    @pytest.mark.parametrize("which", ["W", "H"])
    def test_whole_factors(self, which: str) -> None:
        V, W, H = drawn(9)
        fit = deconvolve(V, W, H, max_iterations=10, **{f"free_{which.lower()}": False})
        assert np.array_equal(getattr(fit, which), {"W": W, "H": H}[which])
        assert fit.costs[-1] < fit.costs[0]

    def test_the_arguments(self) -> None:
        V, W, H = drawn(10)
        before = V.copy(), W.copy(), H.copy()
        deconvolve(V, W, H, max_iterations=3)
        assert all(np.array_equal(a, b) for a, b in zip((V, W, H), before, strict=True))

    def test_the_model_when_normalised(self) -> None:
        _, W, H = drawn(11)
        W[:, 2] = 0
        unit, scaled = normalize_lagged(W, H)
        assert unit.sum(axis=(0, 2)) == pytest.approx([1, 1, 0])
        assert model(unit, scaled) == pytest.approx(model(W, H), rel=1e-12)

    def test_precision(self) -> None:
        V, W, H = (factor.astype(np.float32) for factor in drawn(12))
        fit = deconvolve(V, W, H, max_iterations=5)
        assert fit.W.dtype == fit.H.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W": np.ones((13, 3))}, r"W has shape \(13, 3\); start from templates of shape \(bins, atoms, lags\)"),
        ({"W": np.ones((12, 3, 5))}, "W has shape"),
        ({"H": np.ones((2, 40))}, "H has shape"),
        ({"H": -np.ones((3, 40))}, "H must be of nonnegative"),
        ({"V": np.full((13, 40), np.nan)}, "V holds values"),
        ({"solver": "hals"}, "solver is 'hals'; choose one of mu, mue"),
        ({"solver": "mue", "beta": 0.0}, "solver 'mue' needs beta in"),
        ({"free_w": np.ones(5, bool)}, "free_w is bool"),
    ],
)
def test_says_what_does_not_fit(change: dict[str, Any], message: str) -> None:
    V, W, H = drawn(13)
    with pytest.raises(ValueError, match=message):
        deconvolve(**{"V": V, "W": W, "H": H, **change})
