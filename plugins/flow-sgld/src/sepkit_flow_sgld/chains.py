"""What comes of several chains: the likeliest or the mean, and how far they lie apart."""

from __future__ import annotations

import torch
from torch import Tensor


def weights_of_chains(log_probs: Tensor | None, count: int, temperature: float = 1.0) -> Tensor:
    """The share of every chain in the posterior [shape=(chains,)].

    Chains sit in different modes, whose shares of the posterior are in the ratio of their likelihoods; over thousands
    of samples the likeliest has nearly all of it. Without likelihoods all count alike.

    Parameters
    ----------
    log_probs : Tensor [shape=(chains,)] or None
    count : int
    temperature : float
        By which log densities are divided.
    """
    if log_probs is None:
        return torch.full((count,), 1 / count)
    # A chain that diverged must not win, nor may all of them share NaN.
    return torch.softmax(torch.nan_to_num(log_probs, nan=-1e30, posinf=-1e30, neginf=-1e30) / temperature, dim=0)


def weighted_mean(chains: Tensor, weights: Tensor) -> Tensor:
    """The mean over chains [shape=(sources, channels, samples)] of `chains` with `weights` [shape=(chains,)]."""
    mean: Tensor = torch.tensordot(weights.to(chains), chains, dims=1)
    return mean


def spread(chains: Tensor, weights: Tensor) -> Tensor:
    """Standard deviation over chains, of every sample; 0 for a single chain.

    Parameters
    ----------
    chains : Tensor [shape=(chains, ...)]
    weights : Tensor [shape=(chains,)]
        Chains that can be ruled out say nothing of how uncertain the others are.
    """
    count = len(chains)
    squares = (chains - weighted_mean(chains, weights)).square()
    return (weighted_mean(squares, weights) * count / max(1, count - 1)).sqrt()
