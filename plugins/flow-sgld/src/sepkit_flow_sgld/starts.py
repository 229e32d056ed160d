"""Where chains start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from sepkit.music.audio import Audio
from sepkit.problem.run import Run
from sepkit_flow_sgld.periodic import periodic_parts
from sepkit_flow_sgld.posterior import Posterior

_PENALTIES = (20.0, 10.0, 30.0, 5.0)
"""Of one chain after the other: which is best depends on the mixture, and the densities tell."""


def equal_shares(mixture: Tensor, sources: int, chains: int) -> Tensor:
    """The same share of the mixture [shape=(channels, samples)] for every source of every chain."""
    return mixture.expand(chains, sources, *mixture.shape) / sources


def wiener_shares(mixture: Tensor, powers: Tensor, chains: int) -> Tensor:
    """Every source's share of the mixture at every frequency, for every chain.

    Parameters
    ----------
    mixture : Tensor [shape=(channels, samples)]
    powers : Tensor [shape=(sources, bins)]
        Of the sources, at the frequencies of the mixture's real Fourier transform.
    chains : int

    Returns
    -------
    stems : Tensor [shape=(chains, sources, channels, samples)]
    """
    # Where nothing sounds, shares of nothing.
    shares = (powers / powers.sum(0).clamp_min(torch.finfo(powers.dtype).tiny)).unsqueeze(1)
    stems: Tensor = torch.fft.irfft(torch.fft.rfft(mixture) * shares, n=mixture.shape[-1])
    return stems.expand(chains, *stems.shape)


def periodic_starts(
    mixture: Tensor, sources: int, chains: int, sample_rate: int, posterior: Posterior, noise: Tensor
) -> Tensor:
    """Periodic parts of the mixture, each given to the source to which it is likeliest.

    Parameters
    ----------
    mixture : Tensor [shape=(1, samples)]
    sources, chains : int
    sample_rate : int
    posterior : Posterior
        At the noise level of `noise`.
    noise : Tensor [shape=(sources, 1, samples)]
        Under which the parts are judged, because smoothed densities know nothing without.

    Returns
    -------
    stems : Tensor [shape=(chains, sources, 1, samples)]
    """
    starts = []
    for penalty in _PENALTIES[:chains]:
        parts = periodic_parts(mixture[0], sources, sample_rate, penalty, posterior.check).unsqueeze(1)
        order = likeliest_order(posterior, parts + noise) if posterior.ranks else list(range(sources))
        starts.append(parts[order])
    return torch.stack([starts[chain % len(starts)] for chain in range(chains)])


def likeliest_order(posterior: Posterior, parts: Tensor) -> list[int]:
    """Which part each source gets so that the joint density is highest.

    Parameters
    ----------
    posterior : Posterior
        In which sources are independent.
    parts : Tensor [shape=(sources, channels, samples)]
    """
    count = len(parts)
    table = np.zeros((count, count))
    for source in range(count):
        for part in range(count):
            trial = parts.clone()
            # What the other sources get changes every entry of a row alike, and so not which order is likeliest.
            trial[source] = parts[part]
            table[source, part] = posterior.log_prob(trial)
    _, order = linear_sum_assignment(np.nan_to_num(table, nan=-1e30, posinf=-1e30, neginf=-1e30), maximize=True)
    return [int(part) for part in order]


def factorized_start(
    mixture: Tensor,
    sample_rate: int,
    sources: Sequence[Posterior],
    levels: Sequence[float],
    generator: torch.Generator,
    run: Run,
) -> Tensor:
    """Parts of the mixture by nonnegative matrix factorisation, each with the source that finds it again best.

    Parameters
    ----------
    mixture : Tensor [shape=(1, samples)]
    sample_rate : int
    sources : sequence of Posterior
        The prior of every source by itself.
    levels : sequence of float
        Of noise in which parts are found again.
    generator : torch.Generator
        On the mixture's device.
    run : Run
        Of which the factorisation is a part.

    Returns
    -------
    stems : Tensor [shape=(sources, 1, samples)]
    """
    from sepkit.solving.method import Method

    names = [f"part {number}" for number in range(len(sources))]
    nmf = Method("nmf", device=run.device, registry=run.registry)
    found = nmf.separate(Audio(mixture.cpu().numpy(), sample_rate), sources=names, within=run)
    parts = torch.as_tensor(np.stack([found[name].samples for name in names]), device=mixture.device)
    return parts[best_found_again(sources, parts, levels, generator)]


def best_found_again(
    sources: Sequence[Posterior], parts: Tensor, levels: Sequence[float], generator: torch.Generator
) -> list[int]:
    """Which part each source gets so that their priors find all of them again best in noise.

    Parameters
    ----------
    sources : sequence of Posterior
        The prior of every source by itself.
    parts : Tensor [shape=(sources, channels, samples)]
    levels : sequence of float
    generator : torch.Generator
    """
    table = torch.zeros((len(sources), len(parts)), dtype=torch.float64)
    for level in levels:
        noise = torch.randn(parts.shape, generator=generator, device=parts.device, dtype=parts.dtype)
        noisy = (parts + level * noise).unsqueeze(1)
        for row, prior in enumerate(sources):
            errors = prior.denoised(noisy, level)[:, 0] - parts
            table[row] += errors.double().square().flatten(1).sum(1).cpu() / level**2
    _, order = linear_sum_assignment(table.numpy())
    return [int(part) for part in order]
