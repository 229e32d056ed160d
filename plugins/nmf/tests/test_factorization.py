from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.nmf.tests.problems import assert_never_rises, every_solver, problem, trajectory
from sepkit_nmf.divergence import beta_divergence
from sepkit_nmf.factorization import factorize
from sepkit_nmf.initialize import random_init

# Descent


@every_solver
@pytest.mark.parametrize("silent", [0.0, 0.2])
def test_cost_never_rises(solver, beta, silent):
    V, W, H = problem(silent=silent)
    costs = trajectory(V, W, H, solver=solver, beta=beta)
    assert_never_rises(costs)
    assert costs[-1] < 0.9 * costs[0]


@every_solver
def test_cost_is_the_divergence_of_the_result(solver, beta):
    V, W, H = problem()
    result = factorize(V, W, H, solver=solver, beta=beta, max_iterations=25, tolerance=0)
    assert result.costs[0] == pytest.approx(beta_divergence(V, W @ H, beta), rel=1e-12)
    assert result.costs[-1] == pytest.approx(beta_divergence(V, result.W @ result.H, beta), rel=1e-12)
    assert len(result.costs) == 4
    assert result.iterations == 25
    assert not result.converged


@every_solver
@pytest.mark.parametrize("half", ["w", "h"])
def test_each_half_step_descends(solver, beta, half):
    V, W, H = problem()
    options = {f"free_{half}": False}
    assert_never_rises(trajectory(V, W, H, solver=solver, beta=beta, **options))


@every_solver
def test_cost_never_rises_with_supports_and_frozen_atoms(solver, beta):
    V, W, H = problem()
    rng = np.random.default_rng(1)
    support_w, support_h = rng.random(W.shape) < 0.7, rng.random(H.shape) < 0.7
    free_w, free_h = np.array([True, False, True, True, False]), np.array([True, True, False, True, True])
    options = {"support_w": support_w, "support_h": support_h, "free_w": free_w, "free_h": free_h}
    assert_never_rises(trajectory(V, W, H, solver=solver, beta=beta, **options))
    result = factorize(V, W, H, solver=solver, beta=beta, max_iterations=40, **options)
    assert (result.W[~support_w] == 0).all()
    assert (result.H[~support_h] == 0).all()
    np.testing.assert_array_equal(result.W[:, ~free_w], (W * support_w)[:, ~free_w])
    np.testing.assert_array_equal(result.H[~free_h], (H * support_h)[~free_h])
    assert not np.array_equal(result.W[:, free_w], (W * support_w)[:, free_w])


# Zeros, edges and levels


@every_solver
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None, max_examples=12)
@given(
    bins=st.integers(1, 9),
    frames=st.integers(1, 9),
    rank=st.integers(1, 12),
    silent=st.floats(0, 1),
    zeros=st.floats(0, 1),
    level=st.sampled_from([1e-8, 1.0, 1e8]),
    seed=st.integers(0, 10**6),
)
def test_any_shape_level_and_sparsity(solver, beta, dtype, bins, frames, rank, silent, zeros, level, seed):
    rng = np.random.default_rng(seed)
    V = (level * rng.random((bins, frames)) * (rng.random((bins, frames)) >= silent)).astype(dtype)
    W, H = random_init(V, rank, rng)
    if solver != "hals":
        W[rng.random(W.shape) < zeros] = 0
        H[rng.random(H.shape) < zeros] = 0
    before = V.copy(), W.copy(), H.copy()
    result = factorize(V, W, H, solver=solver, beta=beta, max_iterations=12, tolerance=0)
    assert result.W.dtype == result.H.dtype == dtype
    for factor, given_start in ((result.W, W), (result.H, H)):
        assert np.isfinite(factor).all()
        assert (factor >= 0).all()
        if solver != "hals":
            assert (factor[given_start == 0] == 0).all()
    assert np.isfinite(result.costs).all()
    slack = 1e-12 if dtype == np.float64 else 1e-4
    # Rounding is relative to the data, also where the cost itself is next to nothing.
    largest = max(*np.abs(result.costs), beta_divergence(V, V + V.mean(), beta))
    assert (np.diff(result.costs) <= slack * largest).all()
    for array, copy in zip((V, W, H), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_solver
def test_silence_is_modelled_by_silence(solver, beta):
    _, W, H = problem()
    result = factorize(np.zeros((40, 60)), W, H, solver=solver, beta=beta, max_iterations=200, tolerance=0)
    assert (result.W @ result.H).max() < 1e-6 * (W @ H).max()


@every_solver
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 2e-3)])
@pytest.mark.parametrize("level", [1e-8, 1e8])
def test_level_of_the_data_only_scales_the_activations(solver, beta, dtype, tolerance, level):
    V, W, H = (array.astype(dtype) for array in problem(silent=0.1))
    options = {"solver": solver, "beta": beta, "max_iterations": 20, "tolerance": 0}
    plain = factorize(V, W, H, **options)
    scaled = factorize(V * dtype(level), W, H * dtype(level), **options)
    for ours, theirs in ((scaled.H.astype(np.float64) / level, plain.H), (scaled.W, plain.W)):
        assert np.linalg.norm(ours - theirs) < tolerance * np.linalg.norm(theirs)


@every_solver
def test_exact_factors_are_a_fixed_point(solver, beta):
    _, W, H = problem()
    result = factorize(W @ H, W, H, solver=solver, beta=beta, max_iterations=20, tolerance=0)
    np.testing.assert_allclose(result.W, W, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(result.H, H, rtol=1e-6, atol=1e-9)


# Identities


def test_kullback_leibler_updates_reproduce_the_sums():
    V, W, H = problem()
    after_w = factorize(V, W, H, beta=1, solver="mu", max_iterations=7, tolerance=0)
    np.testing.assert_allclose((after_w.W @ after_w.H).sum(axis=1), V.sum(axis=1), rtol=1e-10)
    after_h = factorize(V, W, H, beta=1, solver="mu", max_iterations=1, free_w=False)
    np.testing.assert_allclose((after_h.W @ after_h.H).sum(axis=0), V.sum(axis=0), rtol=1e-10)


@pytest.mark.parametrize("solver", ["mu", "mue", "hals"])
def test_rank_one_is_the_leading_singular_pair(solver):
    V, W, H = problem()
    result = factorize(V, W[:, :1], H[:1], beta=2, solver=solver, max_iterations=200, tolerance=0)
    U, S, Vt = np.linalg.svd(V)
    np.testing.assert_allclose(result.W @ result.H, S[0] * np.outer(U[:, 0], Vt[0]), rtol=1e-7)


def test_hals_leaves_each_coordinate_at_its_minimum():
    V, W, H = problem(bins=12, frames=10, rank=3)
    result = factorize(V, W, H, beta=2, solver="hals", max_iterations=2000, tolerance=0)
    residual = result.W @ result.H - V
    for value, gradient in ((result.W, residual @ result.H.T), (result.H, result.W.T @ residual)):
        assert gradient.min() > -1e-4
        assert np.abs(value * gradient).max() < 1e-4


def test_hals_coordinate_is_the_exact_minimiser():
    V, W, H = problem(bins=12, frames=10, rank=3)
    free = np.array([False, True, False])
    result = factorize(V, W, H, beta=2, solver="hals", max_iterations=1, free_w=False, free_h=free)
    for move in (1e-4, -1e-4):
        for frame in range(H.shape[1]):
            moved = result.H.copy()
            moved[1, frame] = max(moved[1, frame] + move, 0)
            assert beta_divergence(V, W @ moved, 2) >= result.costs[-1] * (1 - 1e-14)


def test_hals_recovers_an_exact_rank():
    rng = np.random.default_rng(0)
    V = rng.gamma(0.5, size=(200, 10)) @ rng.gamma(0.5, size=(10, 300))
    result = factorize(V, *random_init(V, 10, rng), beta=2, solver="hals", max_iterations=100, tolerance=0)
    assert np.linalg.norm(V - result.W @ result.H) < 1e-4 * np.linalg.norm(V)


@pytest.mark.parametrize("beta", [1.0, 1.5, 2.0])
def test_extrapolation_is_never_behind_at_equal_iterations(beta):
    V, W, H = problem(bins=100, frames=150, rank=8)
    plain = trajectory(V, W, H, solver="mu", beta=beta, iterations=60)
    extrapolated = trajectory(V, W, H, solver="mue", beta=beta, iterations=60)
    assert (extrapolated <= plain * (1 + 1e-12)).all()
    assert extrapolated[-1] < 0.98 * plain[-1]


# Arguments


@pytest.mark.parametrize("solver", ["mu", "mue", "hals"])
def test_memory_order_does_not_matter(solver):
    V, W, H = problem()
    beta = 2.0 if solver == "hals" else 1.0
    wide = np.repeat(np.repeat(V, 2, axis=0), 2, axis=1)
    results = [
        factorize(data, W, H, solver=solver, beta=beta, max_iterations=15)
        for data in (np.ascontiguousarray(V), np.asfortranarray(V), wide[::2, ::2], V[::-1, ::-1].copy()[::-1, ::-1])
    ]
    for other in results[1:]:
        np.testing.assert_allclose(other.W, results[0].W, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("solver", ["mue", "hals"])
def test_several_blocks_equal_one(monkeypatch, solver, order):
    V, W, H = problem()
    V = np.asarray(V, order=order)
    options = {"solver": solver, "beta": 2.0 if solver == "hals" else 1.5, "max_iterations": 15}
    whole = factorize(V, W, H, **options)
    monkeypatch.setattr("sepkit_nmf.model.PASS_ELEMENTS", 300)
    monkeypatch.setattr("sepkit_nmf.divergence.CACHE_ELEMENTS", 100)
    monkeypatch.setattr("sepkit_nmf.mu.CACHE_ELEMENTS", 100)
    cut = factorize(V, W, H, **options)
    np.testing.assert_allclose(cut.W, whole.W, rtol=1e-9)
    np.testing.assert_allclose(cut.H, whole.H, rtol=1e-9)


@pytest.mark.parametrize(("solver", "beta"), [("mue", 1.0), ("mu", 0.5), ("hals", 2.0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_data_are_never_copied(solver, beta, order):
    rng = np.random.default_rng(0)
    V = np.asarray(rng.random((257, 60000), dtype=np.float32), order=order)
    W, H = random_init(V, 2, rng)
    tracemalloc.start()
    factorize(V, W, H, solver=solver, beta=beta, max_iterations=1, tolerance=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.6 * V.nbytes


def test_start_outside_the_support_is_cut():
    V, W, H = problem()
    support = np.zeros(H.shape, dtype=bool)
    support[:, 10:] = True
    result = factorize(V, W, H, support_h=support, max_iterations=0)
    np.testing.assert_array_equal(result.H, H * support)
    assert result.iterations == 0
    full = factorize(V, W, H, support_h=np.ones(H.shape, dtype=bool), max_iterations=10)
    np.testing.assert_array_equal(full.H, factorize(V, W, H, max_iterations=10).H)


def test_projections_are_applied_to_the_updated_atoms_within_the_support():
    V, W, H = problem()
    support = np.ones(H.shape, dtype=bool)
    support[:, :5] = False
    free = np.array([True, True, True, True, False])
    result = factorize(
        V,
        W,
        H,
        support_h=support,
        free_w=free,
        project_w=lambda templates: templates / templates.sum(axis=0),
        project_h=lambda activations: np.maximum(activations, 0.25),
        max_iterations=10,
    )
    np.testing.assert_allclose(result.W.sum(axis=0)[free], 1, rtol=1e-12)
    np.testing.assert_array_equal(result.W[:, 4], W[:, 4])
    assert (result.H[:, :5] == 0).all()
    assert result.H[:, 5:].min() >= 0.25


def test_stops_when_the_cost_stalls():
    V, W, H = problem()
    result = factorize(V, W, H, tolerance=1e-2, max_iterations=1000)
    assert result.converged
    assert result.iterations % 10 == 0
    assert result.costs[-2] - result.costs[-1] < 1e-2 * result.costs[-2]
    assert len(result.costs) == 1 + result.iterations // 10


def test_steps_reports_and_cancels():
    V, W, H = problem()
    before = W.copy(), H.copy()
    seen = []

    def counted(total):
        for index in range(total):
            seen.append(index)
            if index == 3:
                raise KeyboardInterrupt
            yield index

    with pytest.raises(KeyboardInterrupt):
        factorize(V, W, H, max_iterations=9, steps=counted)
    assert seen == [0, 1, 2, 3]
    np.testing.assert_array_equal(W, before[0])
    np.testing.assert_array_equal(H, before[1])


def test_threads_do_not_share_anything():
    V, W, H = problem(bins=200, frames=300)
    jobs = [("mue", 1.0), ("hals", 2.0), ("mu", 0.0)]
    alone = [factorize(V, W, H, solver=solver, beta=beta, max_iterations=20) for solver, beta in jobs]
    together = [None] * len(jobs)

    def work(index):
        solver, beta = jobs[index]
        together[index] = factorize(V, W, H, solver=solver, beta=beta, max_iterations=20)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.W, other.W)
        np.testing.assert_array_equal(one.H, other.H)
        assert one.costs == other.costs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"V": -np.ones((4, 5))}, "nonnegative finite data"),
        ({"V": np.full((4, 5), np.nan)}, "nonnegative finite data"),
        ({"V": np.full((4, 5), np.inf)}, "nonnegative finite data"),
        ({"V": np.ones((4, 5), dtype=np.int64)}, "float32 or float64"),
        ({"V": np.ones(4)}, r"shape \(4,\)"),
        ({"V": np.ones((0, 5))}, "non-empty"),
        ({"V": [[1.0]]}, "non-empty array"),
        ({"W": np.ones((3, 2))}, r"W has shape \(3, 2\).*\(4, 2\)"),
        ({"W": np.ones(4)}, "W has shape"),
        ({"H": np.ones((3, 5))}, r"H has shape \(3, 5\).*\(2, 5\)"),
        ({"W": np.ones((4, 0)), "H": np.ones((0, 5))}, "at least one atom"),
        ({"W": -np.ones((4, 2))}, "W must be of nonnegative"),
        ({"H": np.full((2, 5), np.nan)}, "H must be of nonnegative"),
        ({"W": np.ones((4, 2), dtype=complex)}, "W must be of nonnegative"),
        ({"solver": "als"}, "choose one of mu, mue, hals"),
        ({"solver": "hals", "beta": 1.0}, "needs beta=2"),
        ({"solver": "mue", "beta": 0.0}, r"\[1, 2\], not 0"),
        ({"solver": "mu", "beta": np.inf}, "beta is inf"),
        ({"support_w": np.ones((2, 4), dtype=bool)}, "support_w"),
        ({"support_h": np.ones((2, 5))}, "support_h is float64"),
        ({"free_w": np.array([True])}, "free_w"),
        ({"free_h": 1.0}, "free_h"),
        ({"max_iterations": -1}, "max_iterations"),
        ({"tolerance": np.nan}, "tolerance is nan"),
        ({"added_epsilon": -1.0}, "added_epsilon"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(changes, message):
    arguments = {"V": np.ones((4, 5)), "W": np.ones((4, 2)), "H": np.ones((2, 5))} | changes
    with pytest.raises(ValueError, match=message) as caught:
        factorize(**arguments)
    assert "\n" not in str(caught.value)
