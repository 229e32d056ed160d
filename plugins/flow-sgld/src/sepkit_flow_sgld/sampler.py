"""Annealed Langevin sampling of one window: several chains, down the ladder of noise levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sepkit_flow_sgld.config import FlowSGLDConfig
from sepkit_flow_sgld.langevin import (
    Project,
    Score,
    Stepper,
    common_power,
    dirac_score,
    last_is_the_rest,
    noise_levels,
    pull_to_mixture,
)
from sepkit_flow_sgld.posterior import Posterior


@dataclass(frozen=True)
class Target:
    """What is sampled.

    Attributes
    ----------
    posterior : Posterior
    mixture : Tensor [shape=(channels, samples)]
    start : Tensor [shape=(chains, sources, channels, samples)]
        Near which the chains start.
    project : callable
        The nearest allowed stems, for all chains.
    powers : Tensor [shape=(sources, bins)] or None
        The sources' spectra, for the preconditioner.
    known : Tensor [shape=(sources, channels, known samples)]
        Stems that are known already, at the start of the window.
    """

    posterior: Posterior
    mixture: Tensor
    start: Tensor
    project: Project
    powers: Tensor | None
    known: Tensor


class Annealing:
    """Chains that go down the ladder of noise levels.

    Parameters
    ----------
    target : Target
    config : FlowSGLDConfig
    generator : torch.Generator
        On the mixture's device.
    """

    def __init__(self, target: Target, config: FlowSGLDConfig, generator: torch.Generator) -> None:
        self._target, self._config, self._generator = target, config, generator
        self._levels = noise_levels(config.highest, config.lowest, config.levels)
        allowed: dict[str, Project] = {
            "exact": target.project,
            "dirac": last_is_the_rest(target.mixture),
            "gaussian": lambda chains: chains,
        }
        self._allowed = allowed[config.mixture]

    def sample(self, steps: Iterator[int]) -> Tensor:
        """Results of all chains [shape=(chains, sources, channels, samples)].

        Parameters
        ----------
        steps : iterator
            Goes on once before every step: the run's, for progress and cancellation.
        """
        config, chains = self._config, self._start()
        first_counted = min(config.steps - 1, round(config.steps * (1 - config.average)))
        results = torch.zeros_like(chains)
        above = self._levels[0]
        for level in self._levels:
            if config.predict and level < above:
                chains = self._allowed(self._held(self._predicted(chains, above, level), level))
            above = level
            score, stepper = self._score(level), self._stepper(level)
            for step in range(config.steps):
                next(steps)
                chains = self._allowed(self._held(stepper.step(chains, score, level, self._noise(chains)), level))
                if level == self._levels[-1] and step >= first_counted:
                    results += self._finished(chains, level)
        return self._target.project(results / (config.steps - first_counted))

    def _start(self) -> Tensor:
        """The given start under noise of the first level."""
        start = self._target.start
        return self._allowed(self._held(start + self._levels[0] * self._noise(start), self._levels[0]))

    def _score(self, level: float) -> Score:
        """What chains climb at one level."""
        smoothed = self._target.posterior.smoothed(level)
        if self._config.mixture == "exact":
            return smoothed.gradient
        if self._config.mixture == "dirac":
            return dirac_score(smoothed.gradient)
        pull = pull_to_mixture(self._target.mixture, level)
        return lambda chains: smoothed.gradient(chains) + pull(chains)

    def _stepper(self, level: float) -> Stepper:
        powers = self._target.powers
        power = None if powers is None else common_power(powers, level)
        return Stepper(self._config.step_size, self._config.clamp, power, self._config.snr)

    def _predicted(self, chains: Tensor, above: float, level: float) -> Tensor:
        """A step of the reverse diffusion from one noise level to the next: as much noise in as the step takes out."""
        change = above**2 - level**2
        clean = chains + above**2 * self._score(above)(chains)
        drift = (change / above**2) * (clean - chains)
        predicted: Tensor = chains + drift + level / above * change**0.5 * self._noise(chains)
        return predicted

    def _held(self, chains: Tensor, level: float) -> Tensor:
        """The chains with what is known already in its place, under noise like the rest."""
        known = self._target.known
        if known.shape[-1] == 0:
            return chains
        shape = (len(chains), *known.shape)
        noise = torch.randn(shape, generator=self._generator, device=known.device, dtype=known.dtype)
        return torch.cat([known + level * noise, chains[..., known.shape[-1] :]], dim=-1)

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self._generator, device=like.device, dtype=like.dtype)

    def _finished(self, chains: Tensor, level: float) -> Tensor:
        """Without the noise of the last level, by Tweedie's formula: the mean of what it was before."""
        if not self._config.denoise:
            return chains
        return self._target.posterior.denoised(chains, level)
