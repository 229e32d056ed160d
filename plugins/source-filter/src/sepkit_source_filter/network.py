"""The network: from the spectrum of a mixture and the F0 of its voices to the parameters of a model of each.

The encoder hears the mixture and does not know F0; what it makes of it is given to every voice alike. The decoder,
which all voices share, turns that and the F0 of one voice into its parameters, frame by frame. Voices lie in the batch,
so that weights do for any number of them.

References
----------
Schulze-Forster et al., "Unsupervised music source separation using differentiable parametric source models", IEEE/ACM
TASLP 31, 2023.
Engel, Hantrakul, Gu and Roberts, "DDSP: Differentiable digital signal processing", ICLR 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from sepkit.neural import undrawn
from sepkit_source_filter.config import NetworkSize
from sepkit_source_filter.hearing import BINS, PARTIALS, Heard

NOISE_BANDS = 40
LOUDEST, LOUDEST_NOISE = 4.0, 1.0
"""Beside a mixture whose root mean square is 1."""
_LAYERS = 3
_LOWEST_HZ, _OCTAVES = 20.0, math.log2(8000 / 20)
_PITCH_WAVES = 6
"""Waves of pitch, each twice as fast as the one before: one number alone is lost in normalisation."""
LEAST_SPREAD = 1e-2
_LEAST = 1e-7
_TYPICAL = -4.0
"""Logarithmic amplitude of a partial beside a mixture whose root mean square is 1."""
_QUIET_NOISE = -2.0
"""Where its gain starts, before the sigmoid: what is explained by noise first is not explained by voices later."""


class Widths(NamedTuple):
    """Of the layers of encoder, embedding and decoder."""

    encoder: int
    embedding: int
    decoder: int


WIDTHS: dict[NetworkSize, Widths] = {"small": Widths(128, 64, 128), "paper": Widths(256, 128, 512)}


@dataclass(frozen=True, eq=False)
class Parameters:
    """Of the models of all voices.

    Attributes
    ----------
    gains : Tensor [shape=(batch, voices, frames)]
        Amplitude of the harmonics, before filter and roll-off.
    logits : Tensor [shape=(batch, voices, frames, order + 1)]
        Of the line spectral frequencies, pi being 8 kHz.
    noise_gains : Tensor [shape=(batch, voices, frames)]
    noise_bands : Tensor [shape=(batch, voices, bands)]
        Equally spaced, and constant over time.
    """

    gains: Tensor
    logits: Tensor
    noise_gains: Tensor
    noise_bands: Tensor


class SourceFilterNetwork(nn.Module):
    """Encoder and decoder.

    Parameters
    ----------
    size : str
        ``"small"``, or ``"paper"`` for the widths of the publication.
    order : int
        Of the filters.
    voices : int
        For so many voices an embedding of their own is learned, by which they differ in more than F0: where all that is
        to be separated is also what is learned from. With 0 any voices will do.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, size: NetworkSize, order: int, voices: int = 0) -> None:
        super().__init__()
        widths = WIDTHS[size]
        self.register_buffer("mean", torch.zeros(BINS))
        self.register_buffer("spread", torch.ones(BINS))
        self.encoder = nn.ModuleList(
            undrawn(nn.GRU, inputs, widths.encoder, batch_first=True)
            for inputs in (BINS, widths.encoder, widths.encoder)
        )
        self.embed = undrawn(nn.Linear, widths.encoder, widths.embedding)
        self.of_voices = nn.Parameter(torch.zeros(voices, widths.embedding)) if voices else None
        self.of_mixture = _Stack(widths.embedding, widths.decoder)
        self.of_voice = _Stack(2 + 2 * _PITCH_WAVES + PARTIALS, widths.decoder)
        self.decoder = undrawn(nn.GRU, 2 * widths.decoder, widths.decoder, batch_first=True)
        self.after = _Stack(widths.decoder, widths.decoder)
        self.head = undrawn(nn.Linear, widths.decoder, order + 3)
        self.noise = undrawn(nn.GRU, widths.decoder, NOISE_BANDS, batch_first=True)

    @torch.no_grad()
    def draw(self, generator: torch.Generator) -> None:
        """Draw all weights as torch does by default, but for a quiet noise."""
        for name, weights in self.named_parameters():
            if name == "of_voices":
                weights.normal_(generator=generator)
            elif "norm" not in name:
                layer = self.get_submodule(name.rpartition(".")[0])
                inputs = layer.in_features if isinstance(layer, nn.Linear) else layer.hidden_size
                weights.uniform_(-1, 1, generator=generator).mul_(1 / math.sqrt(float(inputs)))  # type: ignore[arg-type]
        self.head.bias[1] = _QUIET_NOISE

    @torch.no_grad()
    def adapt(self, spectra: Tensor) -> None:
        """Take mean and spread of every bin from what there is to learn from [shape=(..., bins)]."""
        flat = spectra.reshape(-1, BINS)
        self.mean.copy_(flat.mean(dim=0))
        self.spread.copy_(flat.std(dim=0, correction=0).clamp_min(LEAST_SPREAD))

    def forward(self, heard: Heard) -> Parameters:
        """Parameters of all voices in a batch."""
        first, second, third = self.encoder
        inner = second(first((heard.spectrum - self.mean) / self.spread)[0])[0]
        embedding = self.embed(inner + third(inner)[0])
        batch, voices = heard.f0_hz.shape[:2]
        each = embedding[:, None].expand(-1, voices, -1, -1)
        if self.of_voices is not None:
            each = each + self.of_voices[:, None]
        voice = torch.cat([pitch_waves(heard.f0_hz), heard.partials - _TYPICAL], dim=-1)
        folded = torch.cat([self.of_mixture(each), self.of_voice(voice)], dim=-1).flatten(0, 1)
        decoded = self.after(self.decoder(folded)[0])
        head = self.head(decoded).unflatten(0, (batch, voices))
        # Crops and blocks are of different lengths: the last state alone would know little of the beginning.
        bands = self.noise(decoded)[0].mean(dim=1).unflatten(0, (batch, voices))
        return Parameters(
            gains=LOUDEST * exp_sigmoid(head[..., 0]) * (heard.f0_hz > 0),
            logits=head[..., 2:],
            noise_gains=LOUDEST_NOISE * exp_sigmoid(head[..., 1]),
            noise_bands=exp_sigmoid(2.5 * bands),
        )


class _Stack(nn.Module):
    """Three layers, each normalised."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(undrawn(nn.Linear, width if row else inputs, width) for row in range(_LAYERS))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(_LAYERS))

    def forward(self, values: Tensor) -> Tensor:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            values = leaky_relu(norm(layer(values)))
        return values


def pitch_waves(f0_hz: Tensor) -> Tensor:
    """Pitch as a number from 0 to 1, as waves of that, and whether there is any [shape=(..., 2 + waves)]."""
    voiced = (f0_hz > 0).to(f0_hz)
    pitch = torch.log2(f0_hz.clamp_min(_LOWEST_HZ) / _LOWEST_HZ) / _OCTAVES
    angles = math.pi * pitch[..., None] * 2.0 ** torch.arange(_PITCH_WAVES, dtype=f0_hz.dtype, device=f0_hz.device)
    waves = torch.cat([pitch[..., None], torch.sin(angles), torch.cos(angles)], dim=-1)
    return torch.cat([voiced[..., None], voiced[..., None] * waves], dim=-1)


def exp_sigmoid(values: Tensor) -> Tensor:
    """Of DDSP: a sigmoid that falls by even steps of loudness, from 1 to nearly 0."""
    return torch.sigmoid(values) ** math.log(10) + _LEAST
