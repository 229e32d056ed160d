"""Normalizing flows on waveforms that know the noise level.

A flow turns a waveform into independent Gaussian values by steps that can be undone and whose change of volume is
known; so the density of the waveform is known exactly. Ours models a signal after white noise of standard deviation
``sigma`` was added to it, for every ``sigma`` with the same weights.

References
----------
Kingma and Dhariwal, "Glow: generative flow with invertible 1x1 convolutions", NeurIPS 2018.
Kim et al., "FloWaveNet: a generative flow for raw audio", ICML 2019.
Frank and Ilse, "Problems using deep generative models for probabilistic audio source separation", 2020.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from sepkit_flow_sgld.normalizing_flow import NormalizingFlow
from sepkit_flow_sgld.wavenet import WaveNet, initialize_linear, linear


class Flow(NormalizingFlow):
    """An invertible map between waveforms and white Gaussian values, at any noise level.

    The waveform is cut into frames. The finest scale has the shortest frames; each further scale joins several frames
    to one. A last rest that is shorter than a frame of the coarsest scale is only scaled: it counts as Gaussian.

    Parameters
    ----------
    data_std : float
        Root of the mean square of the signals without noise.
    frames : sequence of int
        Samples of a frame at each scale, finest first; each a multiple of the one before.
    widths : sequence of int
        Channels within the networks of each scale.
    steps : sequence of int
        Flow steps at each scale.
    dilations : sequence of int
        Distances, in frames, to which the networks' layers look.
    embedding : int
        Channels that describe the noise level.
    levels : (float, float)
        Lowest and highest noise level that it is for, as a multiple of `data_std`. To the networks what lies beyond is
        like the nearest of them; the density remains a density.

    Attributes
    ----------
    granularity : int
        Samples of a frame at the coarsest scale.
    lowest, highest : float
        The noise levels as standard deviations, in the units of the waveforms.
    """

    def __init__(
        self,
        *,
        data_std: float,
        frames: tuple[int, ...],
        widths: tuple[int, ...],
        steps: tuple[int, ...],
        dilations: tuple[int, ...],
        embedding: int,
        levels: tuple[float, float],
    ) -> None:
        super().__init__()
        self.data_std, self.granularity = data_std, frames[-1]
        self.lowest, self.highest = (level * data_std for level in levels)
        self.noise = NoiseEmbedding(embedding, levels)
        self.steps = nn.ModuleList(
            Step(frame, width, tuple(dilations), embedding)
            for frame, width, count in zip(frames, widths, steps, strict=True)
            for _ in range(count)
        )
        self.last = ActNorm(frames[-1], embedding)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights; the map is then a rotation."""
        for module in self.modules():
            if isinstance(module, (NoiseEmbedding, ActNorm, InvertibleLinear, WaveNet)):
                module.initialize(generator)

    def encode(self, waveforms: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        noise, scale = self.noise(sigma / self.data_std), self._input_scale(sigma)
        scaled = waveforms * scale
        log_det = waveforms.shape[1] * scale.log().squeeze(1).expand(len(waveforms))
        whole = waveforms.shape[1] // self.granularity * self.granularity
        hidden, rest = scaled[:, :whole, None], scaled[:, whole:]
        for step in self.steps:
            hidden, change = step(hidden, noise)
            log_det = log_det + change
        hidden, change = self.last(hidden, noise)
        return torch.cat((hidden.flatten(1), rest), 1), log_det + change

    def decode(self, latent: Tensor, sigma: Tensor) -> Tensor:
        noise = self.noise(sigma / self.data_std)
        whole = latent.shape[1] // self.granularity * self.granularity
        hidden = latent[:, :whole].reshape(len(latent), -1, self.granularity)
        hidden = self.last.inverse(hidden, noise)
        for step in reversed(self.steps):
            hidden = cast(Step, step).inverse(hidden, noise)
        return torch.cat((hidden.flatten(1), latent[:, whole:]), 1) / self._input_scale(sigma)

    def _input_scale(self, sigma: Tensor) -> Tensor:
        """What gives noisy signals unit variance [shape=(batch or 1, 1)]."""
        return (sigma.square() + self.data_std**2).rsqrt().unsqueeze(1)


class NoiseEmbedding(nn.Module):
    """The noise level, relative to the data's standard deviation, as channels."""

    frequencies: Tensor

    def __init__(self, channels: int, levels: tuple[float, float]) -> None:
        super().__init__()
        self.levels = levels
        self.register_buffer("frequencies", 2.0 ** torch.arange(-2, 2), persistent=False)
        self.hidden, self.out = linear(2 * len(self.frequencies) + 1, channels), linear(channels, channels)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        initialize_linear(self.hidden, generator)
        initialize_linear(self.out, generator)

    def forward(self, level: Tensor) -> Tensor:
        """Channels of every level [shape=(batch, 1, channels)]."""
        level = level.clamp(*self.levels).log().unsqueeze(1)
        waves = level * self.frequencies
        features = torch.cat((level / 4, waves.sin(), waves.cos()), 1)
        channels: Tensor = silu(self.out(silu(self.hidden(features))))
        return channels.unsqueeze(1)


class ActNorm(nn.Module):
    """A shift and a scale for every channel, by noise level."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.affine = linear(embedding, 2 * channels)

    def initialize(self, generator: torch.Generator) -> None:
        """Neither shift nor scale."""
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, frames: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Frames and log-determinants [shape=(batch, frames, channels), (batch or 1,)]."""
        shift, log_scale = self.affine(noise).chunk(2, -1)
        return (frames + shift) * log_scale.exp(), frames.shape[1] * log_scale.sum((1, 2))

    def inverse(self, frames: Tensor, noise: Tensor) -> Tensor:
        """Frames as they were."""
        shift, log_scale = self.affine(noise).chunk(2, -1)
        before: Tensor = frames * (-log_scale).exp() - shift
        return before


class InvertibleLinear(nn.Module):
    """A learned mixing of the channels; a random rotation at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.empty(channels, channels))

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the rotation."""
        nn.init.orthogonal_(self.matrix, generator=generator)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames and the log-determinant, one for all."""
        return frames @ self.matrix, frames.shape[1] * torch.linalg.slogdet(self.matrix).logabsdet

    def inverse(self, frames: Tensor) -> Tensor:
        """Frames as they were."""
        unmixed: Tensor = torch.linalg.solve(self.matrix, frames, left=False)
        return unmixed


class Coupling(nn.Module):
    """Half of the channels shift and scale the other half."""

    def __init__(self, channels: int, width: int, dilations: tuple[int, ...], embedding: int) -> None:
        super().__init__()
        self.kept = channels // 2
        self.net = WaveNet(self.kept, 2 * (channels - self.kept), width, dilations, embedding)

    def forward(self, frames: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Frames and log-determinants [shape=(batch, frames, channels), (batch,)]."""
        kept, changed = frames[..., : self.kept], frames[..., self.kept :]
        shift, log_scale = self._affine(kept, noise)
        return torch.cat((kept, (changed + shift) * log_scale.exp()), -1), log_scale.sum((1, 2))

    def inverse(self, frames: Tensor, noise: Tensor) -> Tensor:
        """Frames as they were."""
        kept, changed = frames[..., : self.kept], frames[..., self.kept :]
        shift, log_scale = self._affine(kept, noise)
        return torch.cat((kept, changed * (-log_scale).exp() - shift), -1)

    def _affine(self, kept: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = self.net(kept, noise).chunk(2, -1)
        # Bounded, so that no input, however unlike the data, makes the score explode.
        return shift, 2 * torch.tanh(raw / 2)


class Step(nn.Module):
    """Scale, mix and couple the channels."""

    def __init__(self, channels: int, width: int, dilations: tuple[int, ...], embedding: int) -> None:
        super().__init__()
        self.channels = channels
        self.norm = ActNorm(channels, embedding)
        self.linear = InvertibleLinear(channels)
        self.coupling = Coupling(channels, width, dilations, embedding)

    def forward(self, frames: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Frames, of any size before, and log-determinants [shape=(batch, frames, channels), (batch,)]."""
        frames, scaled = self.norm(self._framed(frames), noise)
        frames, mixed = self.linear(frames)
        frames, coupled = self.coupling(frames, noise)
        return frames, scaled + mixed + coupled

    def inverse(self, frames: Tensor, noise: Tensor) -> Tensor:
        """Frames of the size of this step, as they were."""
        coupled = self._framed(frames)
        return self.norm.inverse(self.linear.inverse(self.coupling.inverse(coupled, noise)), noise)

    def _framed(self, frames: Tensor) -> Tensor:
        return frames.reshape(len(frames), frames.shape[1] * frames.shape[2] // self.channels, self.channels)
