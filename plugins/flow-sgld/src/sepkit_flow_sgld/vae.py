"""The variational posterior: a network that goes from a mixture to a Normal density of its stems, in one pass.

The densities of the stems are the priors; what is learned is ``q(s | m, σ)``, by the evidence lower bound on mixtures
alone. Stems that do not sum to the mixture are impossible, so q lives on the plane of those that do::

    s = project(μ + exp(λ) ε),    ELBO = E_q[Σ_k log p_kσ(s_k)] + H[q]

where μ and λ are the network's, for every source and sample, and H is the entropy on that plane.

References
----------
Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014.
Frank and Ilse, "Problems using deep generative models for probabilistic audio source separation", 2020.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from sepkit_flow_sgld.flow import NoiseEmbedding
from sepkit_flow_sgld.wavenet import WaveNet


class Encoder(nn.Module):
    """Mixtures to mean and log standard deviation of every stem, at a noise level.

    Parameters
    ----------
    sources : int
    frame : int
        Samples that are seen as one.
    width : int
        Channels within the network.
    dilations : sequence of int
        Distances, in frames, to which the layers look.
    levels : (float, float)
        The range of noise levels.
    embedding : int
        Channels that describe the noise level.
    """

    def __init__(
        self,
        *,
        sources: int,
        frame: int,
        width: int,
        dilations: tuple[int, ...],
        levels: tuple[float, float],
        embedding: int = 32,
    ) -> None:
        super().__init__()
        self.sources, self.frame = sources, frame
        self.reach = frame * (1 + sum(dilations))
        """Samples to either side that the stems at one sample depend on, at most."""
        self.noise = NoiseEmbedding(embedding, levels)
        self.net = WaveNet(frame, 2 * sources * frame, width, tuple(dilations), embedding)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights; at first every mean is an equal share of the mixture."""
        self.noise.initialize(generator)
        self.net.initialize(generator)

    def forward(self, mixtures: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of every stem.

        Parameters
        ----------
        mixtures : Tensor [shape=(batch, samples)]
            With mean square about 1.
        sigma : Tensor [shape=(batch,) or (1,)]
            Standard deviation of the noise in the stems.

        Returns
        -------
        mean, log_std : Tensor [shape=(batch, sources, samples)]
        """
        samples = mixtures.shape[1]
        frames = pad(mixtures, (0, -samples % self.frame)).reshape(len(mixtures), -1, self.frame)
        out = self.net(frames, self.noise(sigma)).reshape(len(mixtures), -1, 2, self.sources, self.frame)
        shift, log_ratio = out.permute(2, 0, 3, 1, 4).flatten(3)[..., :samples]
        # From twenty times less to as much more than the noise: nothing that is learned can overflow.
        return mixtures.unsqueeze(1) / self.sources + shift, sigma.log().reshape(-1, 1, 1) + 3 * torch.tanh(log_ratio)


def project(stems: Tensor, mixtures: Tensor) -> Tensor:
    """The nearest stems [shape=(batch, sources, samples)] that sum to the mixtures [shape=(batch, samples)]."""
    gap = mixtures - stems.sum(1)
    return stems + gap.unsqueeze(1) / stems.shape[1]


def projected_variance(log_std: Tensor) -> Tensor:
    """Variance after the projection, from log standard deviations before [shape=(batch, sources, samples)]."""
    variance, count = (2 * log_std).exp(), log_std.shape[1]
    return variance * (1 - 2 / count) + variance.sum(1, keepdim=True) / count**2


def entropy(log_std: Tensor) -> Tensor:
    """Entropy of the projected density in nats, on the plane of stems that sum to the mixture [shape=(batch,)].

    Of a Normal density with variances d the projection P has the covariance ``P diag(d) P``, whose determinant on the
    plane is ``Π d_k · mean(1 / d_k)``.
    """
    count = log_std.shape[1]
    log_det = 2 * log_std.sum(1) + torch.logsumexp(-2 * log_std, 1) - math.log(count)
    return 0.5 * (log_det + (count - 1) * math.log(2 * math.pi * math.e)).sum(1)
