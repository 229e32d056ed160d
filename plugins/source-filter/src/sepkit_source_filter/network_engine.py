"""The engine of the network: fitted to a recording block by block, or trained before and applied in one pass.

References
----------
Schulze-Forster et al., "Unsupervised music source separation using differentiable parametric source models", IEEE/ACM
TASLP 31, 2023.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import backward
from torch.nn.utils import clip_grad_norm_

from sepkit.informed.f0_tracking import Tracking
from sepkit.neural import Adam, generator, usable
from sepkit.neural.loop import checked, learning_rate
from sepkit.problem.run import Run
from sepkit.training.config import TrainingConfig
from sepkit_source_filter.config import SourceFilterConfig
from sepkit_source_filter.hearing import HOP, RATE, Heard
from sepkit_source_filter.learning import drawn_loss
from sepkit_source_filter.lsf import lsf_of_logits
from sepkit_source_filter.network import SourceFilterNetwork
from sepkit_source_filter.rendering import at, grid_hz, log_responses, noise_magnitudes, roll_off
from sepkit_source_filter.synthesis import window_of

CROPS, CROP_FRAMES = 2, 126
"""Of two seconds."""


@dataclass(frozen=True, eq=False)
class Models:
    """What the network gives for a block, as the masks want it; see `Block`."""

    envelopes: NDArray[np.float32]
    noise: NDArray[np.float32]
    gains: NDArray[np.float32]
    lsf: NDArray[np.float32]


@dataclass(eq=False)
class NetworkEngine:
    """A network that gives the models of one block after the other.

    Attributes
    ----------
    network : SourceFilterNetwork
    descent : TrainingConfig or None
        How it is fitted to every block, from what it came to in the one before; None if it is trained.
    """

    network: SourceFilterNetwork
    descent: TrainingConfig | None

    @classmethod
    def drawn(cls, config: SourceFilterConfig, voices: int, run: Run, device: torch.device) -> NetworkEngine:
        """One that is fitted to the recording itself, with an embedding for every voice."""
        network = SourceFilterNetwork(config.network_size, config.order, voices)
        network.draw(generator(run.rng))
        descent = TrainingConfig(
            steps=config.network_steps, learning_rate=config.network_learning_rate, warmup=config.network_steps // 20
        )
        return cls(network.to(device), descent)

    @property
    def steps(self) -> int:
        """Of the fit to one block."""
        return 0 if self.descent is None else self.descent.steps

    def fit(self, heard: Heard, rng: np.random.Generator) -> Iterator[float]:
        """Lower the loss on crops of a block, step by step; yields the loss before each."""
        if self.descent is None:
            return
        network = self.network
        network.adapt(heard.spectrum)
        optimizer = Adam(network.parameters(), self.descent.learning_rate)
        for step in range(self.descent.steps):
            optimizer.learning_rate = learning_rate(self.descent, step)
            loss = drawn_loss(network, [heard], CROPS, CROP_FRAMES, rng)
            optimizer.zero_grad()
            backward(loss)
            norm = clip_grad_norm_(optimizer.parameters, self.descent.clip_norm or math.inf)
            checked("gradient of the loss", norm, step)
            optimizer.step()
            yield float(loss.detach())

    @torch.no_grad()
    def models(self, heard: Heard, tracking: Tracking) -> Models:
        """Of all voices, in one pass over the block."""
        device = self.network.mean.device
        parameters = self.network(Heard.stacked([heard], device))
        window = window_of(tracking.stft)
        averages = torch.from_numpy(within_windows(tracking, heard.frames)).to(self.network.mean)
        bins_hz = torch.from_numpy(tracking.bins_hz).to(self.network.mean)
        grid = grid_hz().to(self.network.mean)
        loudness = parameters.gains[..., None] * (log_responses(parameters.logits) + roll_off(grid)).exp()
        # A partial of amplitude 1 has the magnitude of half the window's sum at its peak; the magnitude of noise with a
        # variance of 1 has a mean of sqrt(pi) / 2 times the window's norm.
        level = heard.level / tracking.level
        partials = averages @ loudness * (level * window.sum() / 2)
        noise = (averages @ noise_magnitudes(parameters, bins_hz).square()).sqrt()
        envelopes = at(partials, bins_hz.expand(*partials.shape[:-1], -1))
        return Models(
            envelopes=self._array(envelopes),
            noise=self._array(noise * (level * math.sqrt(math.pi) / 2 * float(np.linalg.norm(window)))),
            gains=self._array((averages @ parameters.gains[..., None])[..., 0]),
            lsf=self._array(averages @ lsf_of_logits(parameters.logits)),
        )

    def _array(self, values: Tensor) -> NDArray[np.float32]:
        """As numbers that masks can be made of; a fit has seen to it that its own are."""
        return np.asarray(usable(values[0].cpu().numpy(), "the weights of 'source-filter'"), np.float32)


def within_windows(tracking: Tracking, frames: int) -> NDArray[np.float32]:
    """What makes of values in frames of the network their means under every window [shape=(windows, frames)].

    A partial has in a spectrum the mean amplitude that it has under the window. Windows before and after the recording
    take the nearest frame.
    """
    at_s = np.arange(frames) * (HOP / RATE)
    centres_s = np.clip(tracking.frames_s, 0, at_s[-1])
    reach_s = max(tracking.stft.window_length / tracking.follower.sample_rate / 2, HOP / RATE)
    distance = np.minimum(np.abs(at_s - centres_s[:, np.newaxis]) / reach_s, 1)
    weights = np.cos(np.pi / 2 * distance) ** 2
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
