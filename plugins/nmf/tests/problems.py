"""Small factorisations: every solver, a random start, and the cost after each iteration."""

from __future__ import annotations

import numpy as np
import pytest

from sepkit_nmf.factorization import factorize
from sepkit_nmf.initialize import random_init

BETAS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
SOLVERS = [("mu", beta) for beta in BETAS] + [("mue", beta) for beta in (1.0, 1.5, 2.0)] + [("hals", 2.0)]
every_solver = pytest.mark.parametrize(("solver", "beta"), SOLVERS)


def problem(bins=40, frames=60, rank=5, seed=0, silent=0.0):
    """Low rank plus noise, with some silent frames, and a random start."""
    rng = np.random.default_rng(seed)
    V = rng.gamma(0.5, size=(bins, rank)) @ rng.gamma(0.5, size=(rank, frames)) + 0.1 * rng.random((bins, frames))
    V[:, rng.random(frames) < silent] = 0
    return (V, *random_init(V, rank, rng))


def trajectory(V, W, H, iterations=40, **options):
    """The cost after every single iteration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sepkit_nmf.factorization.CHECK_INTERVAL", 1)
        costs = factorize(V, W, H, max_iterations=iterations, tolerance=0, **options).costs
    assert len(costs) == iterations + 1
    return np.array(costs)


def assert_never_rises(costs):
    __tracebackhide__ = True
    assert (np.diff(costs) <= 1e-12 * np.abs(costs[:-1])).all(), np.diff(costs).max()
