r"""What training lowers: the distance of lifted spectra, and its expected value under the policy.

References
----------
Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks trained
via policy gradients", Signals 2(4), 2021.
Kool, van Hoof and Welling, "Buy 4 REINFORCE samples, get a baseline for free!", ICLR 2019 workshop (leave-one-out).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sepkit_policy_unet.extraction import Extracted
from sepkit_policy_unet.policy import Parameters
from sepkit_policy_unet.tones import magnitude

LIFTED_FROM = 1e-7
"""Added to magnitudes before the square root, whose slope at 0 has no bounds."""

_MODEL, _AGREEMENT, _DIRECT = 10.0, 1.0, 10.0
"""Weights of the three parts of the loss."""
_OFF = 0.9
_POLICY = 0.1
"""Weight of the policy gradient beside the gradient of the loss."""


def lifted(magnitudes: Tensor) -> Tensor:
    """sqrt(|x| + 1e-7) - sqrt(1e-7)."""
    raised: Tensor = (magnitudes + LIFTED_FROM).sqrt() - math.sqrt(LIFTED_FROM)
    return raised


def lifted_phased(z: Tensor) -> Tensor:
    """The lifted magnitude with the phase [shape=(..., 2, bins)]."""
    r = magnitude(z)
    return z * (lifted(r) / r)


def sample_losses(extracted: Extracted) -> Tensor:
    """The loss of every sample [shape=(starts, samples)].

    How far the tones that are on are from the mixture in magnitude, the model from the direct prediction, and this from
    the mixture, both with phases. What is left out costs a tenth less for each tone that is off.
    """
    frame, sparse = extracted.frame, extracted.sparse.sum(dim=2)
    by_model = (lifted(magnitude(frame)) - lifted(magnitude(sparse))).square().mean(dim=(-1, -2))
    off = (~extracted.sounding.bool()).sum(dim=2)
    agreement = _distance(extracted.direct, extracted.model).mean(dim=-1)
    by_direct = _distance(frame, extracted.direct.sum(dim=2))
    return _MODEL * by_model * _OFF**off + _AGREEMENT * agreement + _DIRECT * by_direct


def _distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean over bins of the squared distance of spectra [shape=(..., 2, bins)], lifted, with phases."""
    return (lifted_phased(one) - lifted_phased(other)).square().sum(dim=-2).mean(dim=-1)


def advantages(losses: Tensor) -> Tensor:
    """How much worse each sample is than the mean of the others [shape=(..., samples)]."""
    count = losses.shape[-1]
    return (losses - losses.mean(dim=-1, keepdim=True)) * (count / (count - 1))


def network_objective(losses: Tensor, tones: Sequence[Parameters]) -> Tensor:
    """Mean loss, and a term whose gradient is that of the expected loss with respect to the policy.

    Parameters
    ----------
    losses : Tensor [shape=(starts, frames * tries**c)]
        Samples that share their first tones are in a row.
    tones : sequence of Parameters
        What was drawn first, second, ...: each [shape=(starts, frames * tries**number, tries)].

    Returns
    -------
    objective : Tensor [shape=(starts,)]
    """
    objective = losses.mean(dim=-1)
    for tone in tones:
        # Draws are judged by the mean over all that follows them, and against others for the same tones before.
        value = losses.detach().reshape(*tone.log_proposal.shape, -1).mean(dim=-1)
        log_drawn = tone.log_proposal + tone.log_gamma
        objective = objective + _POLICY * (log_drawn * advantages(value)).mean(dim=(-1, -2))
    return objective


def importance(tones: Sequence[Parameters]) -> Tensor:
    """Weights that make samples of the proposal ones of the policy [shape=(starts, frames, samples)], of sum 1."""
    ratio = torch.zeros_like(tones[0].log_policy[..., 0])
    for tone in tones:
        ratio = (ratio[..., None] + (tone.log_policy - tone.log_proposal).detach()).flatten(1)
    return torch.softmax(ratio.reshape(*tones[0].log_policy.shape[:2], -1), dim=-1)


def dictionary_objective(losses: Tensor, weights: Tensor, dictionary: Tensor) -> Tensor:
    """The loss under the policy, and what pins the scale of the dictionary [shape=(starts,)].

    Parameters
    ----------
    losses : Tensor [shape=(starts, frames * samples)]
    weights : Tensor [shape=(starts, frames, samples)]
    dictionary : Tensor [shape=(starts, c, harmonics)]
    """
    under_policy = (losses.reshape(weights.shape) * weights).sum(dim=-1).mean(dim=-1)
    return under_policy + dictionary.amax(dim=-1).clamp_min(1e-12).log().square().mean(dim=-1)
