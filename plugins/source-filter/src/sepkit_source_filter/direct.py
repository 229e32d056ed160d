"""The direct engine: the parameters of every frame fitted to this recording."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.autograd import backward

from sepkit.informed.source_filter import FLOOR
from sepkit.neural import Adam
from sepkit.problem.prior import Density
from sepkit_source_filter.allpole import AllPoleModel

STEADY = 0.2
"""Weight of the changes of filters and gains beside the mean divergence."""
AUDIBLE = 1e-2
"""Beside a mean of 1: what is softer counts as this loud in logarithms."""


def descend(
    model: AllPoleModel, X: Tensor, steps: int, learning_rate: float, densities: Sequence[Density] = ()
) -> Iterator[float]:
    """Lower the divergence of the model from a spectrogram, step by step; yields the divergence before each.

    Parameters
    ----------
    model : AllPoleModel
    X : Tensor [shape=(frames, bins)]
    steps : int
    learning_rate : float
        Of the first step; that of the last is nearly zero.
    densities : sequence of Density
        Priors on the magnitudes of all sources [shape=(sources, bins, frames)].
    """
    optimizer = Adam(model.parameters(), learning_rate)
    for step in range(steps):
        optimizer.learning_rate = learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
        H, N = model.harmonics(), model.noise()
        misfit = divergence(X, H.sum(dim=0) + N)
        loss = misfit + STEADY * model.unsteadiness()
        for density in densities:
            V = (H + N / len(H)).transpose(1, 2)
            # The gradient of a prior is given, so that it takes part without being differentiated.
            loss = loss - (torch.as_tensor(density.gradient(V.detach())).to(V) * V).sum() / X.numel()
        optimizer.zero_grad()
        backward(loss)
        optimizer.step()
        yield float(misfit.detach())


def divergence(X: Tensor, M: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence."""
    return (X * ((X + FLOOR).log() - M.log()) - X + M).mean()


def log_distance(X: Tensor, M: Tensor) -> float:
    """Mean distance of logarithmic magnitudes, by which the result is judged beside its start."""
    return float(((M + AUDIBLE).log() - (X + AUDIBLE).log()).abs().mean())
