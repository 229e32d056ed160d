"""What all normalizing flows have in common: white values, and from the change of volume a density.

References
----------
Rezende and Mohamed, "Variational inference with normalizing flows", ICML 2015.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn


class NormalizingFlow(nn.Module):
    """A density of waveforms with noise, by an invertible map to white values."""

    def forward(self, waveforms: Tensor, sigma: Tensor) -> Tensor:
        """Log density in nats of whole waveforms [shape=(batch,)].

        Parameters
        ----------
        waveforms : Tensor [shape=(batch, samples)]
            Of any length.
        sigma : Tensor [shape=(batch,) or (1,)]
            Standard deviation of the noise that is in them.
        """
        latent, log_det = self.encode(waveforms, sigma)
        return log_det - 0.5 * (latent.square().sum(1) + latent.shape[1] * math.log(2 * math.pi))

    @abstractmethod
    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights."""

    @abstractmethod
    def encode(self, waveforms: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """White values of waveforms, and the logarithm of the change of volume.

        Returns
        -------
        latent : Tensor [shape=(batch, samples)]
        log_det : Tensor [shape=(batch,)]
        """

    @abstractmethod
    def decode(self, latent: Tensor, sigma: Tensor) -> Tensor:
        """The waveforms of which `encode` made these values [shape=(batch, samples)]."""
