"""Gradient steps with Adam: with ReLUs alone, or projected so that weights stay nonnegative.

References
----------
Smaragdis and Venkataramani, "A neural network alternative to non-negative audio models", ICASSP 2017 (ReLUs).
Ewert and Sandler, "Structured dropout for weak label and multi-instance learning and its application to score-informed
source separation", ICASSP 2017 (projected).
Shazeer and Stern, "Adafactor: Adaptive learning rates with sublinear memory cost", ICML 2018 (relative steps).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import backward

from sepkit.neural import Adam
from sepkit_nae.divergence import beta_divergence
from sepkit_nae.model import Autoencoder
from sepkit_nae.objective import Objective

# What is added to data and output where the gradient is taken, beside data of mean 1: without it the gradient of a
# logarithm has no bounds.
NOISE = 1e-3


class GradientSteps:
    """One step of Adam on all weights an iteration, from the gradient over all frames.

    Steps are relative to the size of the weights at the start. An encoder that sums over a thousand bins has weights of
    a thousandth of those of the decoder: steps of one size for both would take every activation below zero at once, and
    a ReLU that is silent for all frames has no gradient to come back by.

    Parameters
    ----------
    objective : Objective
    learning_rate : float
        The length of a step, as a part of the weights' root mean square.
    nonnegative : bool
        Whether weights below zero are set to zero after every step.
    """

    noise = NOISE

    def __init__(self, objective: Objective, learning_rate: float, *, nonnegative: bool) -> None:
        self.objective, self.nonnegative = objective, nonnegative
        model = objective.model
        self.adam = Adam(model.parameters(), learning_rate, units=step_units(model))

    @property
    def H(self) -> Tensor:
        """The current activations [shape=(atoms, frames)]."""
        return self.objective.activations()

    def iterate(self) -> None:
        """Follow the gradient, then keep to what is allowed."""
        self.adam.zero_grad()
        self.accumulate_gradient()
        self.adam.step()
        if self.nonnegative:
            with torch.no_grad():
                for weights in self.objective.model.parameters():
                    weights.clamp_min_(0)
        self.objective.restrict_templates()

    def accumulate_gradient(self) -> None:
        """Add the gradient of the cost to that of every weight, block by block.

        The graph is cut at the activations: projections and priors see them as a whole.
        """
        objective, statements = self.objective, self.objective.statements
        blocks = list(objective.frame_blocks())
        encoded = objective.encoded().requires_grad_()
        H = statements.activations.project(encoded) if statements.activations.projects else encoded
        at_cut = H.detach().requires_grad_()
        for frames in blocks:
            V, Y = objective.V[:, frames], objective.model.decode(at_cut[:, frames])
            backward(beta_divergence(V + NOISE, Y + NOISE, objective.beta, objective.floor))
        assert at_cut.grad is not None
        backward(H, at_cut.grad + statements.activations.penalty_gradient(at_cut.detach()))
        assert encoded.grad is not None
        for frames in blocks:
            backward(objective.encode(frames), encoded.grad[:, frames])
        templates = objective.model.templates
        if statements.templates.densities:
            backward(templates, statements.templates.penalty_gradient(templates.detach()))


def step_units(model: Autoencoder) -> list[float]:
    """The size of every parameter's weights, in the order of `model.parameters`.

    A hidden layer that starts as nothing has that of weights which, all of one sign, would give as much as the layer
    that it adds to.
    """
    gain = size(model.encoder) * model.encoder.shape[1]
    of_encoder = [size(weights) or gain / weights.shape[1] for weights in model.encoder_layers]
    of_decoder = [size(weights) or 1 / weights.shape[1] for weights in model.decoder_layers]
    return [size(model.encoder), size(model.decoder), *of_encoder, *of_decoder]


@torch.no_grad()
def size(weights: Tensor) -> float:
    """Root mean square of the weights that are not zero; 0 where all are."""
    drawn = weights[weights != 0]
    return float(drawn.square().mean().sqrt()) if drawn.numel() else 0.0
