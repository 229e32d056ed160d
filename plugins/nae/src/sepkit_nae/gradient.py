"""Gradient steps with Adam: with ReLUs alone, or projected so that weights stay nonnegative.

References
----------
Smaragdis and Venkataramani, "A neural network alternative to non-negative audio models", ICASSP 2017 (ReLUs).
Ewert and Sandler, "Structured dropout for weak label and multi-instance learning and its application to score-informed
source separation", ICASSP 2017 (projected).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import backward

from sepkit.neural import Adam
from sepkit_nae.divergence import beta_divergence
from sepkit_nae.objective import Objective

# What is added to data and output where the gradient is taken, beside data of mean 1: without it the gradient of a
# logarithm has no bounds.
NOISE = 1e-3


class GradientSteps:
    """One step of Adam on all weights an iteration, from the gradient over all frames.

    Parameters
    ----------
    objective : Objective
    learning_rate : float
    nonnegative : bool
        Whether weights below zero are set to zero after every step.
    """

    def __init__(self, objective: Objective, learning_rate: float, *, nonnegative: bool) -> None:
        self.objective, self.nonnegative = objective, nonnegative
        self.adam = Adam(objective.model.parameters(), learning_rate)

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
        objective, known = self.objective, self.objective.known
        blocks = list(objective.frame_blocks())
        encoded = objective.encoded().requires_grad_()
        H = known.activations.project(encoded) if known.activations.projects else encoded
        at_cut = H.detach().requires_grad_()
        for frames in blocks:
            V, Y = objective.V[:, frames], objective.model.decode(at_cut[:, frames])
            backward(beta_divergence(V + NOISE, Y + NOISE, objective.beta, objective.floor))
        assert at_cut.grad is not None
        backward(H, at_cut.grad + known.activations.penalty_gradient(at_cut.detach()))
        assert encoded.grad is not None
        for frames in blocks:
            backward(objective.encode(frames), encoded.grad[:, frames])
        templates = objective.model.templates
        if known.templates.densities:
            backward(templates, known.templates.penalty_gradient(templates.detach()))
