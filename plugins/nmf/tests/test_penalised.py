"""Factorisation under priors: the penalised cost never rises, and each prior pulls where it says."""

from __future__ import annotations

import numpy as np
import pytest

from plugins.nmf.tests.problems import assert_never_rises, every_solver, problem, trajectory
from sepkit_nmf.divergence import beta_divergence
from sepkit_nmf.factorization import factorize


class Sparseness:
    """An exponential density: an L1 penalty."""

    def __init__(self, weight):
        self.weight = weight

    def log_prob(self, value):
        return -self.weight * float(value.sum())

    def gradient(self, value):
        return np.full_like(value, -self.weight)

    def split_gradient(self, value):
        return np.full_like(value, self.weight), np.zeros_like(value)


class Smoothness:
    """A Gaussian density of the steps from one column to the next."""

    def __init__(self, weight):
        self.weight = weight

    def log_prob(self, value):
        return -0.5 * self.weight * float((np.diff(value, axis=1) ** 2).sum())

    def gradient(self, value):
        plus, minus = self.split_gradient(value)
        return minus - plus

    def split_gradient(self, value):
        plus, minus = np.zeros_like(value), np.zeros_like(value)
        for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            plus[:, here] += self.weight * value[:, here]
            minus[:, here] += self.weight * value[:, there]
        return plus, minus


@every_solver
@pytest.mark.parametrize("weight", [0.1, 30.0])
def test_cost_with_priors_never_rises(solver, beta, weight):
    V, W, H = problem()
    options = {"densities_w": [Sparseness(weight)], "densities_h": [Smoothness(weight), Sparseness(weight)]}
    costs = trajectory(V, W, H, solver=solver, beta=beta, **options)
    assert_never_rises(costs)
    assert costs[-1] < costs[0]
    result = factorize(V, W, H, solver=solver, beta=beta, max_iterations=40, tolerance=0, **options)
    penalties = [*(d.log_prob(result.W) for d in options["densities_w"])]
    penalties += [d.log_prob(result.H) for d in options["densities_h"]]
    total = beta_divergence(V, result.W @ result.H, beta) - sum(penalties)
    assert result.costs[-1] == pytest.approx(total, rel=1e-10)


@every_solver
def test_priors_respect_frozen_atoms_and_supports(solver, beta):
    V, W, H = problem()
    support = np.random.default_rng(1).random(H.shape) < 0.7
    free = np.array([True, True, False, True, True])
    options = {"densities_h": [Smoothness(3.0)], "support_h": support, "free_h": free}
    assert_never_rises(trajectory(V, W, H, solver=solver, beta=beta, iterations=20, **options))
    result = factorize(V, W, H, solver=solver, beta=beta, max_iterations=20, **options)
    assert (result.H[~support] == 0).all()
    np.testing.assert_array_equal(result.H[2], (H * support)[2])


@every_solver
def test_a_prior_pulls_where_it_says(solver, beta):
    V, W, H = problem(frames=30)
    plain = factorize(V, W, H, solver=solver, beta=beta, max_iterations=60, free_w=False)
    smooth = factorize(
        V, W, H, solver=solver, beta=beta, max_iterations=60, free_w=False, densities_h=[Smoothness(100.0)]
    )
    assert Smoothness(1.0).log_prob(smooth.H) > Smoothness(1.0).log_prob(plain.H)


def test_with_a_fixed_factor_different_solvers_reach_the_same_penalised_optimum():
    V, W, H = problem(frames=30)
    options = {"beta": 2, "free_w": False, "densities_h": [Sparseness(0.5), Smoothness(0.5)], "tolerance": 0}
    costs = [
        factorize(V, W, H, solver=solver, max_iterations=count, **options).costs[-1]
        for solver, count in (("hals", 300), ("mue", 1500))
    ]
    np.testing.assert_allclose(costs, costs[0], rtol=1e-4)


def test_a_start_that_a_prior_rules_out_is_refused():
    class Positive(Sparseness):
        def log_prob(self, value):
            return 0.0 if (value > 0).all() else -np.inf

    V, W, H = problem()
    H[0, 0] = 0
    with pytest.raises(ValueError, match="every prior allows"):
        factorize(V, W, H, densities_h=[Positive(1.0)])


@every_solver
def test_a_prior_without_a_split_is_split_by_sign(solver, beta):
    class Unsplit:
        log_prob, gradient = Smoothness(0.5).log_prob, Smoothness(0.5).gradient

    V, W, H = problem()
    costs = trajectory(V, W, H, solver=solver, beta=beta, densities_h=[Unsplit()], iterations=15)
    assert_never_rises(costs)
    assert costs[-1] < costs[0]
