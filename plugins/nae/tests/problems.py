"""Small problems for the rules: random data with silent bins and frames, statements, and an autoencoder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit import Atom, Audio, BoundConstraints, Domain, Layout, SideInformation
from sepkit.builtin import Continuity, HarmonicTemplates
from sepkit.builtin.zeros import Zeros
from sepkit_nae import (
    Autoencoder,
    FactorStatements,
    NAEConfig,
    Objective,
)
from sepkit_nae.fitting import chosen_rule
from sepkit_nae.start import scale_encoder
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
