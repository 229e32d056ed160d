"""The multiplicative rule: descent, zeros, and what it has of gradient steps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from plugins.nae.tests.problems import ATOMS, BETAS, BINS, FRAMES, as_arrays, iterated, problem, with_priors
from sepkit_nae import (
    Autoencoder,
    GradientSteps,
    MultiplicativeUpdates,
    Objective,
)
from sepkit_nae.start import fill


def assert_never_rises(costs: list[float], tolerance: float = 1e-12) -> None:
    __tracebackhide__ = True
    assert all(later <= earlier * (1 + tolerance) for earlier, later in itertools.pairwise(costs))
    assert costs[-1] < costs[0]


def half_steps(rule: MultiplicativeUpdates, iterations: int) -> list[float]:
    costs = [rule.objective.cost(rule.H)]
    for _ in range(iterations):
        rule.update_encoder()
        costs.append(rule.objective.cost(rule.H))
        rule.update_decoder()
        costs.append(rule.objective.cost(rule.H))
    return costs


# The multiplicative rule


def test_an_encoder_starts_by_looking_at_the_frame_and_a_tenth_as_much_at_its_neighbours() -> None:
    model = Autoencoder(BINS, ATOMS, context_frames=2).double()
    templates = torch.from_numpy(np.random.default_rng(0).random((BINS, ATOMS)))
    fill(model, templates, torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.decoder.detach(), templates)
    for offset, seen in enumerate(model.encoder.detach().chunk(5, dim=1)):
        torch.testing.assert_close(seen, templates.T * (1.0 if offset == 2 else 0.1))


@pytest.mark.parametrize("context_frames", [0, 2])
def test_no_half_step_of_1200_raises_the_loss(context_frames: int) -> None:
    assert_never_rises(half_steps(MultiplicativeUpdates(problem(context_frames=context_frames)), 600))


@pytest.mark.parametrize("beta", BETAS)
def test_no_half_step_raises_any_divergence(beta: float) -> None:
    assert_never_rises(half_steps(MultiplicativeUpdates(problem(beta)), 100))


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_priors_join_in_and_the_cost_still_never_rises(beta: float) -> None:
    plain = problem(beta)
    informed = problem(beta, statements=with_priors(plain.statements))
    assert_never_rises(half_steps(MultiplicativeUpdates(informed), 60))
    rule = MultiplicativeUpdates(plain)
    half_steps(rule, 60)
    (continuity,), (harmonic,) = informed.statements.activations.densities, informed.statements.templates.densities
    assert continuity.log_prob(informed.activations()) > continuity.log_prob(rule.H)
    assert harmonic.log_prob(informed.model.templates) > harmonic.log_prob(plain.model.templates)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_zeros_stay_zero_and_nothing_becomes_negative(beta: float) -> None:
    one = problem(beta)
    with torch.no_grad():
        one.model.encoder[2, 5:9] = 0
    begun = [weights.detach().clone() for weights in one.model.parameters()]
    rule = MultiplicativeUpdates(one)
    half_steps(rule, 50)
    for before, after in zip(begun, one.model.parameters(), strict=True):
        assert (before == 0).any()
        assert (after[before == 0] == 0).all()
        assert (after >= 0).all()
        assert torch.isfinite(after).all()


def test_the_rules_are_those_of_the_paper() -> None:
    one = problem()
    E, D, V, M = as_arrays(one)
    rule = MultiplicativeUpdates(one)
    rule.iterate()
    H = (E @ V) * M
    E = E * ((((D.T @ V) * M) @ V.T) / np.maximum((((D.T @ D) @ H) * M) @ V.T, 1e-300))
    H = (E @ V) * M
    D = D * ((V @ H.T) / np.maximum(D @ (H @ H.T), 1e-300))
    np.testing.assert_allclose(one.model.encoder.detach(), E, rtol=1e-12)
    np.testing.assert_allclose(one.model.decoder.detach(), D, rtol=1e-12)


@pytest.mark.parametrize("which", ["encoder", "decoder"])
def test_a_step_is_a_gradient_step_of_the_elementwise_rate_weight_over_positive_part(which: str) -> None:
    one = problem()
    E, D, V, M = as_arrays(one)
    H = (E @ V) * M
    positive = 2 * ((((D.T @ D) @ H) * M) @ V.T if which == "encoder" else D @ (H @ H.T))
    loss = (one.V - one.model.decode(one.encode(slice(0, FRAMES)))).square().sum()
    weights = getattr(one.model, which)
    (slope,) = torch.autograd.grad(loss, weights)
    before = weights.detach().numpy().copy()
    rule = MultiplicativeUpdates(one)
    getattr(rule, f"update_{which}")()
    rate = np.divide(before, positive, out=np.zeros_like(before), where=positive > 0)
    alive = positive > 0
    np.testing.assert_allclose(weights.detach()[alive], (before - rate * slope.numpy())[alive], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_float32_follows_float64(beta: float) -> None:
    single, double = (
        iterated("multiplicative", problem(beta, dtype=kind), 30) for kind in (torch.float32, torch.float64)
    )
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("beta", BETAS)
def test_silence_stays_finite(beta: float) -> None:
    one = problem(beta)
    silent = Objective(torch.zeros_like(one.V), one.model, one.statements, beta)
    for rule in (MultiplicativeUpdates(silent), GradientSteps(silent, 1e-3, nonnegative=True)):
        for _ in range(3):
            rule.iterate()
        assert not rule.H.any()
        assert all(torch.isfinite(weights).all() for weights in one.model.parameters())


# Gradients
