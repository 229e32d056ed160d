"""What the network learns by: it is to explain mixtures, with the F0 of their voices, as sums of models."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sepkit.neural import generator
from sepkit_source_filter.hearing import Heard
from sepkit_source_filter.network import SourceFilterNetwork
from sepkit_source_filter.rendering import sound
from sepkit_source_filter.spectral_loss import spectral_loss


def drawn_loss(
    network: SourceFilterNetwork, pieces: Sequence[Heard], crops: int, frames: int, rng: np.random.Generator
) -> Tensor:
    """Loss on crops from anywhere in one of the pieces, the longer ones being drawn the more often."""
    lengths = np.array([piece.frames for piece in pieces], np.float64)
    piece = pieces[rng.choice(len(pieces), p=lengths / lengths.sum())]
    latest = max(0, piece.frames - frames)
    return mixture_loss(network, [piece.crop(int(rng.integers(latest + 1)), frames) for _ in range(crops)], rng)


def mixture_loss(network: SourceFilterNetwork, crops: list[Heard], rng: np.random.Generator) -> Tensor:
    """Distance of the sum of all models from the mixture, of which they know nothing but F0.

    Parameters
    ----------
    network : SourceFilterNetwork
    crops : list of Heard
        Of one length and number of voices.
    rng : numpy.random.Generator
        For noise, and for where phases start.
    """
    device = network.mean.device
    batch = Heard.stacked(crops, device)
    drawn = generator(rng, device)
    # How partials of two voices meet in one bin is chance, and none to learn from.
    begin = 2 * math.pi * torch.rand(batch.f0_hz.shape[:2], generator=drawn, device=device)
    white = torch.randn((*batch.f0_hz.shape[:2], batch.samples.shape[-1]), generator=drawn, device=device)
    voices = sound(network(batch), batch, begin, white)
    return spectral_loss(voices.sum(dim=1, keepdim=True), batch.samples)
