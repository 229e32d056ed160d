"""The mathematics of both rules: descent, zeros, gradients, and how low they get beside a factorisation."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

import sepkit_nmf
from sepkit import Atom, Audio, BoundConstraints, Domain, Layout, SideInformation
from sepkit.builtin import Continuity, HarmonicTemplates
from sepkit.builtin.zeros import Zeros
from sepkit_nae import (
    Autoencoder,
    FactorStatements,
    GradientSteps,
    MultiplicativeUpdates,
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

BINS, ATOMS, FRAMES = 17, 5, 40
BETAS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


def zeros_where(rng: np.random.Generator, shape: tuple[int, int]) -> BoundStatements:
    """A constraint that removes a third at random, and leaves something in every row and column."""
    support = rng.random(shape) < 2 / 3
    support[np.arange(max(shape)) % shape[0], np.arange(max(shape)) % shape[1]] = True
    return BoundStatements(BoundConstraints((("zeros", Zeros(support)),)), support=torch.from_numpy(support))


def problem(
    beta: float = 2.0,
    seed: int = 0,
    statements: FactorStatements | None = None,
    dtype: torch.dtype = torch.float64,
    **layers: Any,
) -> Objective:
    """Random data with silent bins and frames, and an autoencoder with random nonnegative weights."""
    rng = np.random.default_rng(seed)
    V = rng.gamma(0.5, 1.0, (BINS, ATOMS)) @ rng.gamma(0.5, 1.0, (ATOMS, FRAMES)) + 0.1 * rng.random((BINS, FRAMES))
    V[3], V[:, 7:9] = 0, 0
    if statements is None:
        statements = FactorStatements(zeros_where(rng, (BINS, ATOMS)), zeros_where(rng, (ATOMS, FRAMES)))
    model = Autoencoder(BINS, ATOMS, **layers).to(dtype)
    with torch.no_grad():
        for weights in model.parameters():
            drawn = torch.from_numpy(rng.random(weights.shape)).to(dtype)
            weights.copy_(drawn - 0.4 if model.encoder_layers or model.decoder_layers else drawn)
    built = Objective(torch.from_numpy(V / V.mean()).to(dtype), model, statements, beta)
    built.restrict_templates()
    scale_encoder(built)
    return built


def layout() -> Layout:
    return Layout(
        mixture=Audio(np.zeros((1, 1000), np.float32), 8000),
        side_information=SideInformation(),
        sources=(),
        bins_hz=np.arange(BINS) * 250.0,
        frames_s=np.arange(FRAMES) * 0.01,
        atoms=tuple(Atom(pitch=60.0 + 5 * index) for index in range(ATOMS)),
    )


def with_priors(statements: FactorStatements) -> FactorStatements:
    on_h = Continuity(weight=3).bind(layout(), Domain.ACTIVATIONS)
    on_w = HarmonicTemplates(weight=5, cents=300).bind(layout(), Domain.TEMPLATES)
    return FactorStatements(
        replace(statements.templates, densities=(on_w,)), replace(statements.activations, densities=(on_h,))
    )


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


def as_arrays(one: Objective) -> tuple[NDArray[np.float64], ...]:
    assert one.statements.activations.support is not None
    tensors = (one.model.encoder, one.model.decoder, one.V, one.statements.activations.support)
    E, D, V, M = (tensor.detach().numpy().copy() for tensor in tensors)
    return E, D, V, M.astype(np.float64)


def iterated(rule: str, one: Objective, iterations: int) -> Tensor:
    steps = chosen_rule(NAEConfig.model_validate({"rule": rule, "learning_rate": 1e-2}), one)
    for _ in range(iterations):
        steps.iterate()
    return steps.H


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
