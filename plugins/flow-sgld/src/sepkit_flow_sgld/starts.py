"""Where chains start."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

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
