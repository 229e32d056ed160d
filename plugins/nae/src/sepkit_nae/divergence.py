"""The beta-divergence as a function that torch can differentiate."""

from __future__ import annotations

import torch
from torch import Tensor


def beta_divergence(V: Tensor, Y: Tensor, beta: float, floor: float) -> Tensor:
    """Sum over all elements of the beta-divergence of a model from data, as in `sepkit_nmf.beta_divergence`.

    Parameters
    ----------
    V, Y : Tensor [shape=(bins, frames)]
        Nonnegative data and model.
    beta : float
        2 is half the squared error, 1 Kullback-Leibler, 0 Itakura-Saito.
    floor : float
        Smaller values of the model count as this one, except for beta 2; for beta 0 also those of the data.

    Returns
    -------
    divergence : Tensor
        A scalar.
    """
    if beta == 2:
        return 0.5 * (V - Y).square().sum()
    Y = Y.clamp_min(floor)
    if beta == 1:
        # The logarithm of a zero is multiplied by that zero.
        return (V * (V / Y).clamp_min(torch.finfo(V.dtype).tiny).log() - V + Y).sum()
    if beta == 0:
        ratio = V.clamp_min(floor) / Y
        return (ratio - ratio.log() - 1).sum()
    return (V**beta / (beta * (beta - 1)) + Y**beta / beta - V * Y ** (beta - 1) / (beta - 1)).sum()
