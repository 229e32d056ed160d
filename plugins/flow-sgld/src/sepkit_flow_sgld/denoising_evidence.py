"""How likely stems are under priors that only know how to denoise.

The log density of a value is, up to a constant, minus the integral over the logarithm of the noise level of the squared
error, over the noise's variance, with which the value is found again in noise. Values that a prior finds likely it also
finds again.

References
----------
Guo, Shamai and Verdú, "Mutual information and minimum mean-square error in Gaussian channels", IEEE Transactions on
Information Theory 51(4), 2005.
Li, Prabhudesai, Duggal, Brown and Pathak, "Your diffusion model is secretly a zero-shot classifier", ICCV 2023.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sepkit_flow_sgld.posterior import Posterior


def denoising_evidence(
    posterior: Posterior, chains: Tensor, levels: Sequence[float], generator: torch.Generator
) -> Tensor:
    """Log densities up to a constant that all chains share, estimated with the same noise for all [shape=(chains,)].

    Parameters
    ----------
    posterior : Posterior
        Whose densities are all smoothed.
    chains : Tensor [shape=(chains, sources, channels, samples)]
    levels : sequence of float
        Noise levels, in equal ratios.
    generator : torch.Generator
        On the device of the chains.
    """
    width = abs(math.log(levels[-1] / levels[0])) / max(1, len(levels) - 1) or 1.0
    total = torch.zeros(len(chains), dtype=torch.float64, device=chains.device)
    for level in levels:
        noise = torch.randn(chains.shape[1:], generator=generator, device=chains.device, dtype=chains.dtype)
        error = posterior.denoised(chains + level * noise, level) - chains
        total -= width * error.double().square().flatten(1).sum(1) / level**2
    return total
