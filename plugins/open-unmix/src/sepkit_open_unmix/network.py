"""The network: a mask for the magnitude spectrogram of one source, from three recurrent layers that hear both ways.

Its parameters have the names that they have in the files that the authors published.

References
----------
Stöter, Uhlich, Liutkus and Mitsufuji, "Open-Unmix - a reference implementation for music source separation",
JOSS 4(41), 2019.
Uhlich et al., "Improving music source separation based on deep neural networks through data augmentation and network
blending", ICASSP 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sepkit.neural import undrawn


@dataclass(frozen=True)
class Sizes:
    """Those of a network.

    Attributes
    ----------
    bins : int
        Of the spectrogram.
    heard : int
        The lowest of these, which are its input.
    channels : int
    hidden : int
        Units of the layers in between.
    layers : int
        Recurrent ones.
    """

    bins: int
    heard: int
    channels: int
    hidden: int
    layers: int


class TargetNetwork(nn.Module):
    """The network of one source."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        hidden, outputs = sizes.hidden, sizes.bins * sizes.channels
        self.input_mean, self.input_scale = _empty(sizes.heard), _empty(sizes.heard)
        self.fc1 = undrawn(nn.Linear, sizes.heard * sizes.channels, hidden, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.lstm = undrawn(nn.LSTM, hidden, hidden // 2, num_layers=sizes.layers, bidirectional=True)
        self.fc2 = undrawn(nn.Linear, 2 * hidden, hidden, bias=False)
        self.bn2 = nn.BatchNorm1d(hidden)
        self.fc3 = undrawn(nn.Linear, hidden, outputs, bias=False)
        self.bn3 = nn.BatchNorm1d(outputs)
        self.output_scale, self.output_mean = _empty(sizes.bins), _empty(sizes.bins)

    def hear(self, magnitudes: Tensor) -> Tensor:
        """Standardise and compress every frame, then listen to what comes before and after.

        Parameters
        ----------
        magnitudes : Tensor [shape=(channels, bins, frames)]
            Of the mixture.

        Returns
        -------
        heard : Tensor [shape=(frames, 2 * hidden)]
        """
        frames = magnitudes[:, : self.sizes.heard].permute(2, 0, 1)
        standardised = (frames + self.input_mean) * self.input_scale
        compressed = torch.tanh(self.bn1(self.fc1(standardised.flatten(1))))
        return torch.cat([compressed, self.lstm(compressed)[0]], dim=1)

    def mask(self, heard: Tensor) -> Tensor:
        """The mask of some frames.

        Parameters
        ----------
        heard : Tensor [shape=(frames, 2 * hidden)]

        Returns
        -------
        mask : Tensor [shape=(channels, bins, frames)]
            Nonnegative.
        """
        decoded = self.bn3(self.fc3(torch.relu(self.bn2(self.fc2(heard)))))
        shaped = decoded.unflatten(1, (self.sizes.channels, self.sizes.bins))
        return torch.relu(shaped * self.output_scale + self.output_mean).permute(1, 2, 0)


def _empty(size: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(size))
