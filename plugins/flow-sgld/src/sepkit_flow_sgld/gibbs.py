"""Block Gibbs sampling of one window: a source at a time, given all others, down the ladder of noise levels.

Given the others, what a source may be is the mixture less them, with noise of the ladder's level: a denoising problem,
of which the prior's score is the solution. A little more noise before every denoising makes it a draw. Other than in
steps of all sources at once, nothing of a source's last value is left in what it is drawn from: what it took by mistake
it can give back as soon as another explains it better.

References
----------
Coeurdoux, Dobigeon and Chainais, "Plug-and-play split Gibbs sampler", IEEE Transactions on Image Processing 33, 2024.
Xu and Chi, "Provably robust score-based diffusion posterior sampling for plug-and-play image reconstruction", NeurIPS
2024.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from sepkit_flow_sgld.config import FlowSGLDConfig
from sepkit_flow_sgld.langevin import noise_levels
from sepkit_flow_sgld.posterior import Posterior
from sepkit_flow_sgld.sampler import Target


class BlockGibbs:
    """Chains that go down the ladder, a source at a time.

    Parameters
    ----------
    target : Target
        Whose projection is asked for at the end alone: stems that sum to the mixture leave a source nothing but itself.
    sources : sequence of Posterior
        The prior of every source by itself.
    config : FlowSGLDConfig
    generator : torch.Generator
        On the mixture's device.
    """

    def __init__(
        self, target: Target, sources: Sequence[Posterior], config: FlowSGLDConfig, generator: torch.Generator
    ) -> None:
        self._target, self._sources, self._config, self._generator = target, sources, config, generator

    def sample(self, steps: Iterator[int]) -> Tensor:
        """Results of all chains [shape=(chains, sources, channels, samples)].

        Parameters
        ----------
        steps : iterator
            Goes on once before every sweep over the sources: the run's, for progress and cancellation.
        """
        config, chains = self._config, self._target.start.clone()
        for place, level in enumerate(noise_levels(config.highest, config.lowest, config.levels)):
            for _ in range(config.steps):
                next(steps)
                self._sweep(chains, level)
            if config.exchange and place % config.exchange == config.exchange - 1 and chains.shape[1] > 1:
                self._exchange(chains, level)
        return self._target.project(chains)

    def _sweep(self, chains: Tensor, level: float) -> None:
        """Draw every source anew, in a random order, another one in every chain."""
        orders = torch.rand(chains.shape[:2], generator=self._generator, device=chains.device).argsort(1)
        for turn in orders.unbind(1):
            for source, prior in enumerate(self._sources):
                rows = torch.nonzero(turn == source)[:, 0]
                if len(rows):
                    self._draw(chains, rows, source, prior, level)

    def _draw(self, chains: Tensor, rows: Tensor, source: int, prior: Posterior, level: float) -> None:
        """Draw one source of the chains `rows`, given their others."""
        known, jitter = self._target.known, self._config.jitter * level
        rest = self._target.mixture - chains[rows].sum(1) + chains[rows, source]
        noise = torch.randn(rest.shape, generator=self._generator, device=rest.device, dtype=rest.dtype)
        noisy = (rest + jitter * noise).unsqueeze(1)
        chains[rows, source] = prior.denoised(noisy, math.hypot(level, jitter))[:, 0]
        chains[:, source, :, : known.shape[-1]] = known[source]

    def _exchange(self, chains: Tensor, level: float) -> None:
        """Give every part to the source that leaves least of it, if sources gain by it in sum.

        What one source took of another stays with it, for all others explain the rest: only by exchange do both gain.
        """
        rest = (self._target.mixture - chains.sum(1)).unsqueeze(1)
        parts = chains + rest
        noise = torch.randn(parts.shape[1:], generator=self._generator, device=parts.device, dtype=parts.dtype)
        noisy = parts + level * noise
        # Every source's idea of every part [shape=(sources, chains, parts, channels, samples)].
        ideas = torch.stack([_one_by_one(prior, noisy, level) for prior in self._sources])
        errors = (ideas - parts).square().flatten(3).sum(-1).movedim(1, 0)
        for chain, table in enumerate(errors.cpu().numpy()):
            sources, places = linear_sum_assignment(table)
            if (places != sources).any():
                chains[chain] = ideas[sources, chain, places]


def _one_by_one(prior: Posterior, parts: Tensor, sigma: float) -> Tensor:
    """What a source makes of every part [shape=(chains, parts, channels, samples)]."""
    return prior.denoised(parts.flatten(0, 1).unsqueeze(1), sigma).reshape(parts.shape)
