"""The network: a U-Net over frequency, one frame at a time, for several starts at once.

References
----------
Ronneberger, Fischer and Brox, "U-Net: Convolutional networks for biomedical image segmentation", MICCAI 2015.
Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks trained
via policy gradients", Signals 2(4), 2021.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sepkit.neural import undrawn
from sepkit_policy_unet.sizes import OUTPUTS, Size

_KERNEL = 5


class UNet(nn.Module):
    """Convolutions along frequency, from all bins to one place and back.

    Layers of all starts are the groups of one convolution: they share nothing but the time that calling them takes.

    Parameters
    ----------
    size : Size
    instruments : int
        c.
    starts : int
        Number of networks.
    """

    position: Tensor

    def __init__(self, size: Size, instruments: int, starts: int = 1) -> None:
        super().__init__()
        self.instruments, self.starts = instruments, starts
        seen = 2 * (3 + 2 * instruments)
        widths = (seen + 1, *size.channels)
        self.down = nn.ModuleList(
            self._layer(nn.Conv1d, widths[level], widths[level + 1], _KERNEL, stride=stride, padding=_KERNEL // 2)
            for level, stride in enumerate(size.strides)
        )
        below = size.channels[-1]
        up = []
        for stride, width, skip in zip(
            reversed(size.strides), reversed(size.channels), (*reversed(size.channels[:-1]), seen), strict=True
        ):
            padding = -(-(_KERNEL - stride) // 2)
            extra = 2 * padding - (_KERNEL - stride)
            up.append(
                self._layer(
                    nn.ConvTranspose1d, below, width, _KERNEL, stride=stride, padding=padding, output_padding=extra
                )
            )
            below = width + skip
        self.up = nn.ModuleList(up)
        self.head = nn.ModuleList(
            [
                self._layer(nn.Conv1d, below, size.head, 3, padding=1),
                self._layer(nn.Conv1d, size.head, size.head, 1),
                self._layer(nn.Conv1d, size.head, instruments * len(OUTPUTS), 1, bias=False),
            ]
        )
        self.log_scales = nn.Parameter(torch.tensor(size.scales).log().repeat(starts, instruments, 1))
        self.register_buffer("position", torch.linspace(1e-2, 0, size.bins), persistent=False)

    def _layer(self, kind: type[nn.Module], width: int, out: int, kernel: int, **options: object) -> nn.Module:
        return undrawn(kind, self.starts * width, self.starts * out, kernel, groups=self.starts, **options)

    def draw(self, generators: Sequence[torch.Generator]) -> None:
        """Draw all weights, each start's from a generator of its own."""
        for layer in (*self.down, *self.up, *self.head):
            for weights in (layer.weight, layer.bias):
                if weights is None:
                    continue
                for rows, generator in zip(weights.data.chunk(self.starts), generators, strict=True):
                    fan_in = layer.weight[0].numel()
                    rows.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs for every instrument in every bin.

        Parameters
        ----------
        x : Tensor [shape=(starts, frames, 6 + 4c, bins)]

        Returns
        -------
        outputs : Tensor [shape=(starts, frames, c, 9, bins)]
        """
        position = self.position.expand(*x.shape[:2], 1, -1)
        h = self._grouped(torch.cat([x, position], dim=2))
        skips = [self._grouped(x)]
        for layer in self.down:
            h = torch.relu(layer(h))
            skips.append(h)
        skips.pop()
        for layer in self.up:
            h = self._joined(torch.relu(layer(h)), skips.pop())
        for layer in self.head[:-1]:
            h = torch.relu(layer(h))
        outputs: Tensor = self.head[-1](h)
        outputs = outputs.reshape(len(h), self.starts, self.instruments, len(OUTPUTS), -1).transpose(0, 1)
        return outputs * self.log_scales.exp()[:, None, :, :, None]

    @staticmethod
    def _grouped(x: Tensor) -> Tensor:
        """From (starts, frames, channels, bins) to (frames, starts * channels, bins)."""
        return x.transpose(0, 1).flatten(1, 2)

    def _joined(self, one: Tensor, other: Tensor) -> Tensor:
        """The channels of both, start by start."""
        if self.starts == 1:
            return torch.cat([one, other], dim=1)
        parts = [x.reshape(len(x), self.starts, -1, x.shape[-1]) for x in (one, other)]
        return torch.cat(parts, dim=2).flatten(1, 2)
