"""NMF against autoencoders: how the loss falls, on the bundled piano with its score, from one start.

Templates keep to the partials of their pitches, activations to the notes, for all alike. The loss is the squared error
relative to the energy of the spectrogram. Adam has the best of three learning rates for each of its two rules::

    python plugins/nae/benchmarks/loss_curves.py --picture curves.png
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from sepkit import Domain, Layout, Problem, SideInformation, example
from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.builtin.harmonic import start_templates
from sepkit.informed import score_atoms
from sepkit.problem import Hosted
from sepkit.spectral import STFT
from sepkit.spectral_config import WINDOW_S
from sepkit_nae import FactorStatements, NAEConfig
from sepkit_nae.fitting import chosen_rule
from sepkit_nae.model import Autoencoder
from sepkit_nae.objective import Objective
from sepkit_nae.start import drawn_where_free, fill, scale_encoder
from sepkit_nmf import factorize, normalized

MARKS = (1, 10, 100, 300)
RATES = (0.03, 0.1, 0.3)
BETA = 2.0

Curve = list[float]


def main() -> None:
    """Measure, draw, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, default=Path("loss_curves.png"))
    parser.add_argument("--iterations", type=int, default=MARKS[-1])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    task = Task.of_example()
    curves = {
        "NMF, multiplicative": task.factorization(arguments.iterations),
        "NAE, multiplicative": task.autoencoder("multiplicative", RATES[0], arguments.iterations),
    }
    for rule in ("projected", "relu"):
        tried = {rate: task.autoencoder(rule, rate, arguments.iterations) for rate in RATES}
        best = min(tried, key=lambda rate: tried[rate][-1])
        curves[f"NAE, {rule}, rate {best:g}"] = tried[best]
    marks = [mark for mark in MARKS if mark <= arguments.iterations]
    print(f"| loss after iterations | {' | '.join(map(str, marks))} |")
    print("| --- |" + " ---: |" * len(marks))
    for name, curve in curves.items():
        print(f"| {name} | {' | '.join(f'{curve[mark]:.4f}' for mark in marks)} |")
    draw(curves, arguments.picture)


@dataclass(frozen=True)
class Task:
    """A spectrogram with all that is known of it."""

    problem: Problem
    layout: Layout
    V: torch.Tensor

    @classmethod
    def of_example(cls) -> Task:
        """The bundled piano."""
        piece = example.load("piano")
        samples, rate = piece.mixture.mixdown().samples[0], piece.mixture.sample_rate
        stft = STFT.of_duration(WINDOW_S, 4, rate)
        problem = Problem(
            piece.mixture.mixdown(),
            piece.score.parts,
            SideInformation(score=piece.score),
            constraints=(
                Hosted(ScoreConstraint(), Domain.ACTIVATIONS, "score"),
                Hosted(HarmonicConstraint(), Domain.TEMPLATES, "harmonic"),
            ),
        )
        layout = problem.layout(
            bins_hz=stft.bins_hz(rate),
            frames_s=stft.frames_s(len(samples), rate),
            atoms=score_atoms(piece.score, piece.score.parts, rest_rank=1),
        )
        return cls(problem, layout, torch.from_numpy(normalized(stft.magnitude(samples))))

    def start(self) -> Objective:
        """The same start for all."""
        model = Autoencoder(*self.layout.shape(Domain.TEMPLATES))
        start = start_templates(self.problem, self.layout)
        templates = drawn_where_free(start, self.layout, np.random.default_rng(0))
        fill(model, templates, torch.Generator().manual_seed(0))
        objective = Objective(self.V, model, FactorStatements.of(self.problem, self.layout, self.V.device), BETA)
        objective.restrict_templates()
        scale_encoder(objective)
        return objective

    def relative(self, cost: float) -> float:
        """Of the energy: costs are half squared errors."""
        return 2 * cost / float(self.V.square().sum(dtype=torch.float64))

    def autoencoder(self, rule: str, learning_rate: float, iterations: int) -> Curve:
        """Losses at the start and after every iteration of a rule."""
        objective = self.start()
        steps = chosen_rule(NAEConfig(rule=rule, learning_rate=learning_rate, beta=BETA), objective)
        curve = [self.relative(objective.cost(steps.H))]
        for _ in range(iterations):
            steps.iterate()
            curve.append(self.relative(objective.cost(steps.H)))
        return curve

    def factorization(self, iterations: int) -> Curve:
        """The same of multiplicative updates of templates and activations, from those of the autoencoder."""
        objective = self.start()
        V, W, H = self.V.numpy(), objective.model.templates.detach().numpy(), objective.activations().numpy()
        curve: Curve = []
        for _ in range(iterations):
            # One at a time: these updates remember nothing.
            fit = factorize(V, W, H, beta=BETA, solver="mu", max_iterations=1, support_w=W > 0, support_h=H > 0)
            curve += map(self.relative, fit.costs[len(curve) > 0 :])
            W, H = fit.W, fit.H
        return curve


def draw(curves: dict[str, Curve], path: Path) -> None:
    """Losses over iterations, both on logarithmic axes."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name, curve in curves.items():
        axes.loglog(np.arange(1, len(curve)), curve[1:], label=name)
    axes.set(xlabel="iterations", ylabel="squared error / energy", title="NMF and NAE on the bundled piano")
    axes.grid(which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
