"""Rules that go along gradients: the gradients themselves, projections, supports, blocks, and the first step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sepkit_nmf
from plugins.nae.tests.problems import BETAS, BINS, FRAMES, iterated, problem, with_priors
from sepkit import BoundConstraints
from sepkit_nae import (
    Autoencoder,
    FactorStatements,
    GradientSteps,
    NAEConfig,
    Objective,
    gradient,
    objective,
)
from sepkit_nae.divergence import beta_divergence
from sepkit_nae.fitting import chosen_rule
from sepkit_nae.model import stacked_frames
from sepkit_nae.start import fill, scale_encoder
from sepkit_nae.statements import BoundStatements


@pytest.mark.parametrize(
    ("beta", "layers"),
    [
        (2.0, {}),
        (1.0, {}),
        (0.5, {"context_frames": 1}),
        (2.0, {"encoder_hidden": (6, 4), "decoder_hidden": (3,), "context_frames": 2}),
    ],
    ids=["plain", "kl", "context", "deep"],
)
def test_gradients_match_finite_differences(
    beta: float, layers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradient, "NOISE", 0.0)
    monkeypatch.setattr(objective, "BLOCK_VALUES", 11 * BINS)
    one = problem(beta, **layers)
    one.V.add_(0.1)
    one.statements = with_priors(one.statements)
    steps = GradientSteps(one, 1e-3, nonnegative=False)
    steps.accumulate_gradient()
    rng = np.random.default_rng(1)
    for weights in one.model.parameters():
        assert weights.grad is not None
        direction = torch.from_numpy(rng.standard_normal(weights.shape)) * (weights != 0)
        slopes = []
        for width in (1e-6, -1e-6):
            with torch.no_grad():
                weights.add_(width * direction)
                slopes.append(one.cost(one.activations()))
                weights.sub_(width * direction)
        expected = (slopes[0] - slopes[1]) / 2e-6
        assert float((weights.grad * direction).sum()) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_projections_on_activations_are_differentiated_through() -> None:
    one = problem()
    limited = BoundConstraints((("limit", Limit(0.3)),))
    one.statements = FactorStatements(one.statements.templates, BoundStatements(limited))
    steps = GradientSteps(one, 1e-3, nonnegative=True)
    steps.accumulate_gradient()
    H = one.encode(slice(0, FRAMES)).clamp_max(0.3)
    (expected,) = torch.autograd.grad(0.5 * (one.V - one.model.decode(H)).square().sum(), one.model.encoder)
    torch.testing.assert_close(one.model.encoder.grad, expected)


def test_adam_is_that_of_torch_with_steps_relative_to_the_weights() -> None:
    ours, theirs = (problem() for _ in range(2))
    steps = GradientSteps(ours, 1e-2, nonnegative=False)
    reference = GradientSteps(theirs, 1e-2, nonnegative=False)
    sizes = [float(weights.detach()[weights != 0].square().mean() ** 0.5) for weights in theirs.model.parameters()]
    groups = [
        {"params": [weights], "lr": 1e-2 * size} for weights, size in zip(theirs.model.parameters(), sizes, strict=True)
    ]
    optimizer = torch.optim.Adam(groups)
    for _ in range(20):
        steps.iterate()
        optimizer.zero_grad()
        reference.accumulate_gradient()
        optimizer.step()
        theirs.restrict_templates()
    torch.testing.assert_close(ours.model.state_dict(), theirs.model.state_dict())


# Constraints


@pytest.mark.parametrize("rule", ["multiplicative", "projected", "relu"])
def test_dropout_and_removed_weights_are_exact_zeros(rule: str) -> None:
    one = problem()
    mask_w, mask_h = one.statements.templates.support, one.statements.activations.support
    assert mask_w is not None
    assert mask_h is not None
    H = iterated(rule, one, 30)
    assert (H[~mask_h] == 0).all()
    assert (one.model.decoder[~mask_w] == 0).all()
    assert (H[mask_h] > 0).any()


@pytest.mark.parametrize("rule", ["multiplicative", "projected", "relu"])
def test_what_is_more_than_a_support_holds_in_the_end(rule: str) -> None:
    one = problem()
    limited = BoundStatements(BoundConstraints((("limit", Limit(0.2)),)))
    one.statements = FactorStatements(limited, limited)
    one.restrict_templates()
    H = iterated(rule, one, 30)
    assert 0 < H.max() <= 0.2
    assert 0 < one.model.templates.max() <= 0.2


class Limit:
    """No value above a limit."""

    def __init__(self, most: float) -> None:
        self.most = most

    def project(self, value: Any) -> Any:
        return value.clip(None, self.most)

    def violation(self, value: Any) -> float:
        return float((value - self.most).max())


# Blocks, context, divergence


@pytest.mark.parametrize("layers", [{}, {"context_frames": 3}], ids=["plain", "context"])
@pytest.mark.parametrize("rule", ["multiplicative", "relu"])
def test_blocks_of_frames_make_no_difference(
    rule: str, layers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = iterated(rule, problem(1.0, **layers), 5)
    monkeypatch.setattr(objective, "BLOCK_VALUES", 7 * BINS * (2 * layers.get("context_frames", 0) + 1))
    torch.testing.assert_close(iterated(rule, problem(1.0, **layers), 5), whole)


@settings(max_examples=25)
@given(st.integers(0, 6), st.integers(1, 9), st.data())
def test_every_frame_is_stacked_with_its_neighbours(context: int, frames: int, data: st.DataObject) -> None:
    V = torch.arange(1.0, 3 * frames + 1).reshape(3, frames)
    start = data.draw(st.integers(0, frames - 1))
    stop = data.draw(st.integers(start + 1, frames))
    X = stacked_frames(V, slice(start, stop), context)
    padded = np.pad(V.numpy(), ((0, 0), (context, context)))
    for column, frame in enumerate(range(start, stop)):
        np.testing.assert_array_equal(X[:, column], padded[:, frame : frame + 2 * context + 1].T.ravel())


@pytest.mark.parametrize("beta", BETAS)
def test_the_divergence_is_that_of_the_factorisation(beta: float) -> None:
    rng = np.random.default_rng(0)
    V, Y = rng.gamma(1, 1, (2, 9, 8))
    V[0], Y[0, 0], Y[1, 1] = 0, 0, 0
    floor = 1e-12 * V.mean()
    ours = float(beta_divergence(torch.from_numpy(V), torch.from_numpy(Y), beta, floor))
    assert ours == pytest.approx(sepkit_nmf.beta_divergence(V, Y, beta), rel=1e-9)


@pytest.mark.parametrize("rule", ["projected", "relu"])
@pytest.mark.parametrize("layers", [{}, {"encoder_hidden": (8,), "decoder_hidden": (8,), "context_frames": 2}], ids=len)
@pytest.mark.parametrize("bins", [20, 3000])
def test_the_first_step_kills_no_activation_however_many_bins_are_summed(
    rule: str, layers: dict[str, Any], bins: int
) -> None:
    """A step of one size for all weights took every sum over bins below zero, and ReLUs do not come back from there."""
    if layers and rule == "projected":
        return
    rng = np.random.default_rng(0)
    V = torch.from_numpy(rng.gamma(1.0, 1.0, (bins, 30)).astype(np.float32))
    built = Objective(V, Autoencoder(bins, 4, **layers), FactorStatements(), 1.0)
    fill(built.model, torch.from_numpy(1 - rng.random((bins, 4))), torch.Generator().manual_seed(0))
    scale_encoder(built)
    before = built.activations()
    steps = chosen_rule(NAEConfig(rule="relu" if layers else rule), built)
    steps.iterate()
    assert (built.activations() > 0.5 * before).all()
    costs = []
    for _ in range(30):
        steps.iterate()
        costs.append(built.cost(steps.H, steps.noise))
    assert costs[-1] < costs[0]
