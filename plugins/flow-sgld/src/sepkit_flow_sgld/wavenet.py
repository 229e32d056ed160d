"""The network inside a coupling layer: dilated, gated convolutions that know the noise level.

References
----------
van den Oord et al., "WaveNet: a generative model for raw audio", 2016 (gates and dilations; here both ways in time).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from sepkit.neural import undrawn


class WaveNet(nn.Module):
    """Frames to frames of another number of channels; zero until it is trained.

    A convolution is a matrix product on a frame and its two neighbours at the distance of the dilation, side by side:
    on processors that is several times as fast as a convolution proper.

    Parameters
    ----------
    channels, out_channels, width, embedding : int
        Channels of the input, of the output, of the layers in between and of the noise level.
    dilations : sequence of int
        One gated layer each.
    """

    def __init__(
        self, channels: int, out_channels: int, width: int, dilations: tuple[int, ...], embedding: int
    ) -> None:
        super().__init__()
        self.dilations = dilations
        self.first = linear(channels, width)
        self.gates = nn.ModuleList(linear(3 * width, 2 * width) for _ in dilations)
        self.noise = nn.ModuleList(linear(embedding, 2 * width, bias=False) for _ in dilations)
        self.residuals = nn.ModuleList(linear(width, width) for _ in dilations)
        self.last = linear(width, out_channels)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                initialize_linear(module, generator)
        nn.init.zeros_(self.last.weight)

    def forward(self, frames: Tensor, noise: Tensor) -> Tensor:
        """Channels for every frame.

        Parameters
        ----------
        frames : Tensor [shape=(batch, frames, channels)]
        noise : Tensor [shape=(batch or 1, 1, embedding)]

        Returns
        -------
        Tensor [shape=(batch, frames, out_channels)]
        """
        hidden = self.first(frames)
        for dilation, gate, of_noise, residual in zip(
            self.dilations, self.gates, self.noise, self.residuals, strict=True
        ):
            filtered, gated = (gate(with_neighbours(hidden, dilation)) + of_noise(noise)).chunk(2, -1)
            hidden = hidden + residual(torch.tanh(filtered) * torch.sigmoid(gated))
        channels: Tensor = self.last(hidden)
        return channels


def with_neighbours(frames: Tensor, distance: int) -> Tensor:
    """Every frame between those `distance` before and after it [shape=(batch, frames, 3 * channels)].

    Beyond the ends there are zeros.
    """
    padded = pad(frames, (0, 0, distance, distance))
    return torch.cat((padded[:, : -2 * distance], frames, padded[:, 2 * distance :]), -1)


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """A linear layer whose weights are still to be drawn; torch's global generator is left alone."""
    return undrawn(nn.Linear, inputs, outputs, bias=bias)


def initialize_linear(layer: nn.Linear, generator: torch.Generator) -> None:
    """Draw weights that keep the variance; biases are zero."""
    nn.init.normal_(layer.weight, std=layer.in_features**-0.5, generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
