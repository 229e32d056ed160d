"""Normalizing flows on the MDCT of waveforms: for recordings, whose spectra fall by many decibels.

Every coefficient is divided by the standard deviation that its frequency has in the data and the noise together; then
couplings look at the energies around a coefficient and divide it by what they expect there. Without couplings this is
a stationary Gaussian process, and the posterior mean under it a Wiener filter; what couplings add is what they know of
envelopes, partials and onsets. The MDCT is orthonormal: the density of the coefficients is that of the waveform.

References
----------
Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", ICLR 2017 (couplings on masks).
Princen, Johnson and Bradley, "Subband/transform coding using filter bank designs based on time domain aliasing
cancellation", ICASSP 1987.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sepkit.neural import undrawn
from sepkit_flow_sgld.mdct import MDCT
from sepkit_flow_sgld.normalizing_flow import NormalizingFlow

_FLOOR = 1e-10
"""Least power of a frequency, beside the mean of all."""


class SpectralFlow(NormalizingFlow):
    """An invertible map between waveforms and white Gaussian values, at any noise level, by way of the MDCT.

    Parameters
    ----------
    data_std : float
        Root of the mean square of the signals without noise.
    bins : int
        Coefficients of a frame of the MDCT; even.
    steps : int
        Couplings. Three in turn keep every other frame, every other bin, every other pair of frames; the next three
        keep what those changed.
    width : int
        Channels within their networks.
    dilations : sequence of int
        Distances, in bins, to which the networks' layers look.
    levels : (float, float)
        Lowest and highest noise level that it is for, as a multiple of `data_std`.

    Attributes
    ----------
    log_power : Tensor [shape=(bins,)]
        Logarithm of the mean square of the coefficients at every frequency; that of white noise until `measure`.
    lowest, highest : float
        The noise levels that it is for, in the units of the waveform.
    """

    log_power: Tensor

    def __init__(
        self,
        *,
        data_std: float,
        bins: int,
        steps: int,
        width: int,
        dilations: tuple[int, ...],
        levels: tuple[float, float],
    ) -> None:
        super().__init__()
        self.data_std, self.granularity, self.levels = data_std, bins, levels
        self.lowest, self.highest = (level * data_std for level in levels)
        self.mdct = MDCT(bins)
        self.register_buffer("log_power", torch.full((bins,), 2 * math.log(data_std)))
        self.couplings = nn.ModuleList(Coupling(step, width, tuple(dilations)) for step in range(steps))

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights; the map is then that of a stationary Gaussian process."""
        for module in self.modules():
            if isinstance(module, Coupling):
                module.initialize(generator)

    def measure(self, waveforms: Iterable[Tensor]) -> None:
        """Take the power of every frequency from signals without noise, each of shape (samples,)."""
        padded = (nn.functional.pad(waveform, (0, max(0, self.granularity - len(waveform)))) for waveform in waveforms)
        power = torch.cat([self.mdct(waveform[None])[0][0].double().square() for waveform in padded]).mean(0)
        self.log_power.copy_(power.clamp_min(_FLOOR * float(power.mean())).log())

    def spectrum(self, points: int) -> NDArray[np.float64]:
        """Variance at evenly spaced frequencies from 0 to half the sample rate, without noise [shape=(points,)]."""
        log_power = self.log_power.double().cpu().numpy()
        at = np.linspace(0, self.granularity, points) - 0.5
        variance: NDArray[np.float64] = np.exp(np.interp(at, np.arange(self.granularity), log_power))
        return variance

    def encode(self, waveforms: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        frames, rest = self.mdct(waveforms)
        scale, rest_scale = self._scales(sigma, rest.shape[1])
        log_det = (frames.shape[1] * scale.log().sum(1) + rest_scale.log().sum(1)).expand(len(waveforms))
        values = (frames * scale[:, None]).unsqueeze(1)
        context = self._context(values, sigma)
        for coupling in self.couplings:
            values, change = coupling(values, context)
            log_det = log_det + change
        return torch.cat((values.flatten(1), rest * rest_scale), 1), log_det

    def decode(self, latent: Tensor, sigma: Tensor) -> Tensor:
        frames, bins = latent.shape[1] // self.granularity, self.granularity
        values, rest = latent[:, : frames * bins].reshape(len(latent), 1, frames, bins), latent[:, frames * bins :]
        scale, rest_scale = self._scales(sigma, rest.shape[1])
        context = self._context(values, sigma)
        for coupling in reversed(self.couplings):
            values = cast(Coupling, coupling).inverse(values, context)
        return self.mdct.inverse(values.squeeze(1) / scale[:, None], rest / rest_scale)

    def _scales(self, sigma: Tensor, rest: int) -> tuple[Tensor, Tensor]:
        """What gives noisy coefficients unit variance, those of frames and of the rest [shape=(batch or 1, ...)]."""
        variance = self.log_power.exp() + sigma.square()[:, None]
        if not rest:
            return variance.rsqrt(), variance[:, :0]
        resampled = nn.functional.interpolate(variance.log()[:, None], rest, mode="linear").squeeze(1)
        return variance.rsqrt(), (-0.5 * resampled).exp()

    def _context(self, values: Tensor, sigma: Tensor) -> Tensor:
        """What a place is, whatever sounds there [shape=(batch or 1, 6, frames, bins)].

        Its place within the masks, its frequency, the noise level, and the share of the signal in the expected power.
        """
        _, _, frames, bins = values.shape
        level = (sigma / self.data_std).clamp(*self.levels).log()[:, None, None, None] / 4
        share = (self.log_power - 2 * sigma.log()[:, None]).sigmoid()[:, None, None]
        frequency = torch.linspace(-1, 1, bins).to(values)
        places = [mask(values) for mask in MASKS]
        maps = (*places, frequency, level, share)
        return torch.cat([map_.expand(len(sigma), 1, frames, bins) for map_ in maps], 1)


def other_frames(values: Tensor) -> Tensor:
    """1 in every other frame, else 0 [shape=(frames, 1)]."""
    return (torch.arange(values.shape[2], device=values.device) % 2).to(values)[:, None]


def other_bins(values: Tensor) -> Tensor:
    """1 in every other bin, else 0 [shape=(1, bins)]."""
    return (torch.arange(values.shape[3], device=values.device) % 2).to(values)[None]


def other_pairs(values: Tensor) -> Tensor:
    """1 in every other pair of frames, else 0 [shape=(frames, 1)]."""
    return (torch.arange(values.shape[2], device=values.device) // 2 % 2).to(values)[:, None]


MASKS = (other_frames, other_bins, other_pairs)


class Coupling(nn.Module):
    """The energies of one half of the coefficients scale the other half.

    Parameters
    ----------
    step : int
        Its number, which chooses the halves.
    width : int
    dilations : sequence of int
    """

    def __init__(self, step: int, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.mask, self.swapped = MASKS[step % 3], step // 3 % 2 == 1
        channels = (4 + len(MASKS), *(width for _ in dilations))
        self.layers = nn.ModuleList(
            convolution(before, after, dilation)
            for before, after, dilation in zip(channels, channels[1:], dilations, strict=False)
        )
        self.last = convolution(width, 1, 1)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights; nothing is scaled at first."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=(2 / layer.weight[0].numel()) ** 0.5, generator=generator)
                nn.init.zeros_(cast(Tensor, layer.bias))
        nn.init.zeros_(self.last.weight)

    def forward(self, values: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Values and log-determinants [shape=(batch, 1, frames, bins), (batch,)]."""
        log_scale = self._log_scale(values, context)
        return values * log_scale.exp(), log_scale.sum((1, 2, 3))

    def inverse(self, values: Tensor, context: Tensor) -> Tensor:
        """Values as they were."""
        return values * (-self._log_scale(values, context)).exp()

    def _log_scale(self, values: Tensor, context: Tensor) -> Tensor:
        if not values.numel():
            return values
        changed = self.mask(values)
        if self.swapped:
            changed = 1 - changed
        energy = 0.3 * (values.square() + 0.01).log() * (1 - changed)
        hidden = torch.cat((energy, context.expand(len(values), -1, -1, -1)), 1)
        # With the channels last in memory, convolutions on processors are about twice as fast.
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            hidden = nn.functional.silu(layer(hidden))
        # Bounded, so that no input, however unlike the data, makes the score explode.
        return 2 * torch.tanh(self.last(hidden) / 2) * changed


def convolution(channels: int, out_channels: int, dilation: int) -> nn.Conv2d:
    """A convolution over neighbouring frames, and over bins `dilation` apart; its weights are still to be drawn."""
    return undrawn(nn.Conv2d, channels, out_channels, kernel_size=3, dilation=(1, dilation), padding=(1, dilation))
