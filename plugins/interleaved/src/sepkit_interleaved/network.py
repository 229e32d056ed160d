"""The network: one encoder of mixtures, and for every target a decoder from what it finds to a mask.

At full size the layers, and so the number of weights, are those of Open-Unmix, cut where every source can have a part
of its own; here masks lie between 0 and 1.

References
----------
Doire and Okubadejo, "Interleaved multitask learning for audio source separation with independent databases",
arXiv:1908.05182, 2019 (the idea: no layers have been published).
Stöter, Uhlich, Liutkus and Mitsufuji, "Open-Unmix - A reference implementation for music source separation", JOSS 2019.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from sepkit.neural import undrawn
from sepkit_interleaved.sizes import Plan, Size

_MEMORY_FRAMES = 256
"""How far recurrent layers are taken to look back and ahead."""


class SharedEncoder(nn.Module):
    """What all targets have in common.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        size, bands = plan.size, len(plan.heard)
        self.shift = nn.Parameter(torch.zeros(bands))
        self.scale = nn.Parameter(torch.ones(bands))
        self.project = undrawn(nn.Linear, size.channels * bands, size.hidden, bias=False)
        self.norm = nn.BatchNorm1d(size.hidden)
        self.backbone = Convolutions(size) if size.backbone == "convolutions" else Recurrent(size)

    @property
    def context_frames(self) -> int:
        """So many frames before and after one can change what is found in it."""
        return self.backbone.context_frames

    def forward(self, heard: Tensor) -> Tensor:
        """What it finds in mixtures.

        Parameters
        ----------
        heard : Tensor [shape=(batch, channels, frames, bands)]

        Returns
        -------
        found : Tensor [shape=(batch, frames, 2 * hidden)]
        """
        scaled = (heard + self.shift) * self.scale
        together = scaled.transpose(1, 2).flatten(2)
        first = torch.tanh(_normalized(self.norm, self.project(together)))
        return torch.cat([first, self.backbone(first)], dim=-1)


class Recurrent(nn.Module):
    """Bidirectional recurrent layers."""

    context_frames = _MEMORY_FRAMES

    def __init__(self, size: Size) -> None:
        super().__init__()
        kind = nn.LSTM if size.backbone == "lstm" else nn.GRU
        self.layers = undrawn(
            kind, size.hidden, size.hidden // 2, num_layers=size.layers, bidirectional=True, batch_first=True
        )

    def forward(self, values: Tensor) -> Tensor:
        found: Tensor = self.layers(values)[0]
        return found


class Convolutions(nn.Module):
    """Convolutions over time that look twice as far from layer to layer, each adding to what was there."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        width, dilations = size.hidden, [2**layer for layer in range(size.layers)]
        self.context_frames = sum(dilations)
        self.layers = nn.ModuleList(
            undrawn(nn.Conv1d, width, width, 3, dilation=dilation, padding=dilation, bias=False)
            for dilation in dilations
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in dilations)

    def forward(self, values: Tensor) -> Tensor:
        values = values.transpose(1, 2)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            values = values + torch.relu(norm(layer(values)))
        return values.transpose(1, 2)


class Decoder(nn.Module):
    """From what the encoder finds to one target's mask.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        size, bands = plan.size, len(plan.masked)
        self.channels = size.channels
        self.hidden = undrawn(nn.Linear, 2 * size.hidden, size.hidden, bias=False)
        self.hidden_norm = nn.BatchNorm1d(size.hidden)
        self.masks = undrawn(nn.Linear, size.hidden, size.channels * bands, bias=False)
        self.masks_norm = nn.BatchNorm1d(size.channels * bands)
        self.scale = nn.Parameter(torch.ones(bands))
        self.shift = nn.Parameter(torch.zeros(bands))

    def forward(self, found: Tensor) -> Tensor:
        """Masks from 0 to 1 [shape=(batch, channels, frames, bands)]."""
        hidden = torch.relu(_normalized(self.hidden_norm, self.hidden(found)))
        flat = _normalized(self.masks_norm, self.masks(hidden))
        values = flat.reshape(*flat.shape[:2], self.channels, -1).transpose(1, 2)
        return torch.sigmoid(values * self.scale + self.shift)


class Network(nn.Module):
    """An encoder and the decoders that were trained on it.

    Parameters
    ----------
    plan : Plan
    targets : iterable of str
    """

    def __init__(self, plan: Plan, targets: Iterable[str]) -> None:
        super().__init__()
        self.encoder = SharedEncoder(plan)
        # By number: names of targets may hold what names of modules may not.
        self.targets = tuple(targets)
        self.decoders = nn.ModuleList(Decoder(plan) for _ in self.targets)

    def decoder(self, target: str) -> Decoder:
        """The decoder of a target."""
        found = self.decoders[self.targets.index(target)]
        assert isinstance(found, Decoder)
        return found

    def forward(self, heard: Tensor, targets: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Masks of some targets, or all; the encoder is applied once."""
        found = self.encoder(heard)
        return {target: self.decoder(target)(found) for target in (self.targets if targets is None else targets)}


@torch.no_grad()
def draw(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights of linear, convolutional and recurrent layers, uniformly, by the number of their inputs."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv1d)):
            inputs = layer.weight[0].numel()
        elif isinstance(layer, nn.RNNBase):
            inputs = layer.hidden_size
        else:
            continue
        for weights in layer.parameters(recurse=False):
            weights.uniform_(-1, 1, generator=generator).mul_(1 / math.sqrt(inputs))


def count(module: nn.Module) -> int:
    """Number of weights."""
    return sum(weights.numel() for weights in module.parameters())


def counts(encoder: int, decoder: int, targets: int) -> Mapping[str, int]:
    """Numbers of weights of a network with a shared encoder, and of as many networks that share nothing."""
    return {"shared": encoder + targets * decoder, "independent": targets * (encoder + decoder)}


def _normalized(norm: nn.BatchNorm1d, values: Tensor) -> Tensor:
    """Batch norm of values whose last axis is that of the features."""
    normalized: Tensor = norm(values.flatten(0, -2)).view_as(values)
    return normalized
