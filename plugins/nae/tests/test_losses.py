"""How low the losses get on a real recording: beside a factorisation, other rules, and other encoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sepkit import Audio, Domain, Layout, Problem, SideInformation, example
from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.builtin.harmonic import start_templates
from sepkit.informed import score_atoms
from sepkit.neural import generator
from sepkit.problem import Hosted
from sepkit.spectral import STFT
from sepkit_nae import Autoencoder, FactorStatements, NAEConfig, Objective
from sepkit_nae.fitting import fit
from sepkit_nae.start import drawn_where_free, fill, scale_encoder
from sepkit_nae.statements import BoundStatements
from sepkit_nmf import factorize, normalized

RATE = 8000


@dataclass(frozen=True)
class Piano:
    """The first eight seconds of the bundled piano."""

    V: NDArray[np.float32]
    problem: Problem
    layout: Layout

    def objective(self, **layers: Any) -> Objective:
        model = Autoencoder(*self.layout.shape(Domain.TEMPLATES), **layers)
        rng = np.random.default_rng(0)
        templates = drawn_where_free(start_templates(self.problem, self.layout), self.layout, rng)
        fill(model, templates, generator(rng))
        statements = FactorStatements.of(self.problem, self.layout, torch.device("cpu"))
        objective = Objective(torch.from_numpy(self.V), model, statements, 2.0)
        objective.restrict_templates()
        scale_encoder(objective)
        return objective

    def loss(self, rule: str, iterations: int, learning_rate: float = 1e-3, **layers: Any) -> float:
        """Relative to the energy of the spectrogram."""
        options = {"rule": rule, "iterations": iterations, "learning_rate": learning_rate}
        _, costs = fit(self.objective(**layers), NAEConfig(beta=2, tolerance=0, **options))
        return costs[-1] / self.energy

    def factorized(self, iterations: int) -> float:
        """The loss of a factorisation with the same templates at the start and the same zeros."""
        on_w, on_h = (
            self.problem.bind_constraints(self.layout, domain).support()
            for domain in (Domain.TEMPLATES, Domain.ACTIVATIONS)
        )
        assert on_h is not None
        W = self.objective().model.decoder.detach().numpy()
        options: dict[str, Any] = {"beta": 2, "solver": "mu", "tolerance": 0, "max_iterations": iterations}
        done = factorize(self.V, W, on_h.astype(np.float32), support_w=on_w, support_h=on_h, **options)
        return float(done.costs[-1]) / self.energy

    @property
    def energy(self) -> float:
        return 0.5 * float(np.sum(self.V.astype(np.float64) ** 2))


@pytest.fixture(scope="module")
def piano() -> Piano:
    piece = example.load("piano")
    low = piece.mixture.mixdown().resample(RATE)
    mixture = Audio(low.samples[:, : 8 * RATE], RATE)
    stft = STFT.of_duration(0.046, 4, RATE)
    problem = Problem(
        mixture,
        piece.score.parts,
        SideInformation(score=piece.score),
        constraints=(
            Hosted(ScoreConstraint(), Domain.ACTIVATIONS, "score"),
            Hosted(HarmonicConstraint(), Domain.TEMPLATES, "harmonic"),
        ),
    )
    layout = problem.layout(
        bins_hz=stft.bins_hz(RATE),
        frames_s=stft.frames_s(mixture.length, RATE),
        atoms=score_atoms(piece.score, piece.score.parts, rest_rank=1),
    )
    return Piano(normalized(stft.magnitude(mixture.samples[0])), problem, layout)


@pytest.fixture(scope="module")
def multiplicative(piano: Piano) -> float:
    """The loss that other rules are compared with."""
    return piano.loss("multiplicative", 300)


def test_the_encoder_costs_no_more_than_a_factorisation_again(piano: Piano, multiplicative: float) -> None:
    assert multiplicative <= 2 * piano.factorized(300)
    # Activations out of an encoder are some of all activations.
    assert multiplicative >= piano.factorized(1000) - 1e-6


@pytest.mark.slow
def test_multiplicative_updates_are_there_before_projected_gradients_of_any_rate(
    piano: Piano, multiplicative: float
) -> None:
    rates = (0.01, 0.03, 0.1, 0.3, 1.0)
    assert piano.loss("multiplicative", 10) < 0.9 * min(piano.loss("projected", 10, rate) for rate in rates)
    # In the end the same loss is the best for both, if the rate was right.
    assert multiplicative < 1.01 * min(piano.loss("projected", 300, rate) for rate in (0.05, 0.1))


@pytest.mark.slow
def test_weights_of_any_sign_come_nearer_to_the_factorisation(piano: Piano, multiplicative: float) -> None:
    plain = piano.loss("relu", 300, 0.05)
    assert plain < 0.95 * multiplicative
    assert piano.loss("relu", 300, 0.05, encoder_hidden=(32,)) < plain
    # A deeper decoder is no factorisation any more, and need not stop at its loss.
    assert piano.loss("relu", 300, 0.05, decoder_hidden=(32,)) < 0.9 * piano.factorized(300)


def test_an_encoder_works_on_frames_that_it_has_not_seen(piano: Piano) -> None:
    whole = piano.objective()
    half = piano.V.shape[1] // 2
    fit(on_frames(whole, slice(0, half)), NAEConfig(beta=2, iterations=100))
    unseen = on_frames(whole, slice(half, None))
    learned = unseen.cost(unseen.activations())
    rng = np.random.default_rng(0)
    with torch.no_grad():
        whole.model.encoder.copy_(torch.from_numpy(rng.random(whole.model.encoder.shape)))
    scale_encoder(unseen)
    assert learned < 0.7 * unseen.cost(unseen.activations())


def on_frames(whole: Objective, frames: slice) -> Objective:
    """The same model before a part of the recording."""
    support = whole.statements.activations.support
    assert support is not None
    statements = FactorStatements(whole.statements.templates, BoundStatements(support=support[:, frames]))
    return Objective(whole.V[:, frames], whole.model, statements, whole.beta)
