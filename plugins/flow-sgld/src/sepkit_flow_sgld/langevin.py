"""Langevin steps on the values that sum to the mixture.

With the score of the smoothed prior at noise level σ and a step η = c σ²::

    x ← project(x + η score(x) + sqrt(2 η) ε)

The drift is clamped to a few σ, because learned scores are wild where no data ever was. Preconditioned, η becomes
c P for every frequency, P being the harmonic mean over the sources of their power there, smoothed by σ²: quiet and loud
frequencies move at the same pace.

References
----------
Welling and Teh, "Bayesian learning via stochastic gradient Langevin dynamics", ICML 2011.
Jayaram and Thickstun, "Source separation with deep generative priors", ICML 2020.
Song, Sohl-Dickstein, Kingma, Kumar, Ermon and Poole, "Score-based generative modeling through stochastic differential
equations", ICLR 2021.
Mariani et al., "Multi-source diffusion models for simultaneous music generation and separation", ICLR 2024.
Frank and Ilse, "Problems using deep generative models for probabilistic audio source separation", 2020.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]
Project = Callable[[Tensor], Tensor]


def noise_levels(highest: float, lowest: float, count: int) -> list[float]:
    """The ladder of noise levels, geometric and falling; a single level is the lowest."""
    return np.geomspace(highest, lowest, count).tolist() if count > 1 else [lowest]


@dataclass(frozen=True)
class Stepper:
    """How far a step goes, at every frequency.

    Attributes
    ----------
    size : float
        c, in units of the variance.
    snr : float or None
        Length of the drift over that of the noise, which then says how far a step goes (Song et al. 2021).
    clamp : float
        The largest drift, in units of σ.
    power : Tensor [shape=(bins,)] or None
        P of the preconditioner; None for σ² at every frequency.
    """

    size: float
    clamp: float
    power: Tensor | None = None
    snr: float | None = None

    def step(self, value: Tensor, score: Score, sigma: float, noise: Tensor) -> Tensor:
        """One unprojected step from `value` [shape=(..., samples)], with standard normal `noise` of its shape."""
        direction, noise = self._shaped(score(value), sigma, 1.0), self._shaped(noise, sigma, 0.5)
        size: Any = self.size
        if self.snr is not None:
            size = 2 * (self.snr * noise.norm() / direction.norm()).square().clamp(max=0.5)
        limit = self.clamp * sigma
        stepped: Tensor = value + (size * direction).clamp_(-limit, limit) + (2 * size) ** 0.5 * noise
        return stepped

    def _shaped(self, signal: Tensor, sigma: float, exponent: float) -> Tensor:
        """`signal` times a power of P, frequency by frequency."""
        if self.power is None:
            return signal * math.pow(sigma, 2 * exponent)
        shaped: Tensor = torch.fft.irfft(torch.fft.rfft(signal) * self.power**exponent, n=signal.shape[-1])
        return shaped


def common_power(powers: Tensor, sigma: float) -> Tensor:
    """The preconditioner's P: harmonic mean over the sources [shape=(bins,)] of their powers [shape=(sources, bins)].

    One P for all sources keeps the projection on their sum orthogonal.
    """
    return 1 / (1 / (powers + sigma**2)).mean(dim=0)


def pull_to_mixture(mixture: Tensor, gamma: float) -> Score:
    """The score of a normally distributed gap between mixture and sum: what the exact constraint replaces.

    Parameters
    ----------
    mixture : Tensor [shape=(channels, samples)]
    gamma : float
        Standard deviation of the gap.
    """

    def score(value: Tensor) -> Tensor:
        return ((mixture - value.sum(dim=-3)) / gamma**2).unsqueeze(-3).expand_as(value)

    return score


def dirac_score(score: Score) -> Score:
    """The score where the last source is what the others leave of the mixture: theirs less its own, and its own 0."""

    def against_the_last(value: Tensor) -> Tensor:
        every = score(value)
        return every - every[..., -1:, :, :]

    return against_the_last


def last_is_the_rest(mixture: Tensor) -> Project:
    """The last source as the `mixture` [shape=(channels, samples)] less all others."""

    def project(chains: Tensor) -> Tensor:
        others = chains[..., :-1, :, :]
        return torch.cat((others, (mixture - others.sum(-3)).unsqueeze(-3).expand_as(chains[..., -1:, :, :])), -3)

    return project
