"""The parametric model of a mixture: combs through all-pole filters, and noise that all sources share.

Every source has in every frame a gain, and at knots in time a filter, between which its logarithmic magnitude is
interpolated: a vocal tract or an instrument's body changes more slowly than its excitation. Excitation falls by 6 dB
per octave above 200 Hz.

References
----------
Schulze-Forster et al., "Unsupervised music source separation using differentiable parametric source models", IEEE/ACM
TASLP 31, 2023.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sepkit.informed.bands import mel
from sepkit.informed.source_filter import FLOOR, SourceFilterModel
from sepkit_source_filter.lsf import log_gain, logits_of_lsf, lpc_of_power, lsf_of_logits, lsf_of_lpc

FILTER_S = 0.128
"""From one knot of the filters to the next."""
FREQUENCIES = 128
"""At which the filters' response is computed, equally spaced on the mel scale; bins get it by interpolation."""
ROLL_OFF_HZ = 200.0
_SILENT = 1e-6


class AllPoleModel(nn.Module):
    """Sources as combs times all-pole filters.

    Parameters
    ----------
    combs : Tensor [shape=(sources, frames, bins)]
    bins_hz : ndarray [shape=(bins,)]
        From zero; the last is half the sample rate of the filters.
    hop_s : float
        From frame to frame.
    order : int
        Of the filters.
    bands : Tensor [shape=(bins, bands)]
        Smooth bands of which the noise is made.
    """

    combs: Tensor
    bands: Tensor
    cosines: Tensor
    to_bins: Tensor
    to_frames: Tensor
    roll_off: Tensor

    def __init__(self, combs: Tensor, bins_hz: NDArray[np.floating], hop_s: float, order: int, bands: Tensor) -> None:
        super().__init__()
        sources, frames, _ = combs.shape
        knots = np.arange(0, frames - 1 + max(1.0, FILTER_S / hop_s), max(1.0, FILTER_S / hop_s))
        highest = float(bins_hz[-1])
        grid_hz = np.interp(np.linspace(0, mel(highest), FREQUENCIES), mel(bins_hz), bins_hz)
        self.register_buffer("combs", combs)
        self.register_buffer("bands", bands)
        self.register_buffer("cosines", torch.cos(torch.from_numpy(np.pi * grid_hz / highest)).float())
        self.register_buffer("to_bins", torch.from_numpy(interpolation(bins_hz, grid_hz)))
        self.register_buffer("to_frames", torch.from_numpy(interpolation(np.arange(frames, dtype=np.float64), knots)))
        self.register_buffer("roll_off", -torch.from_numpy(np.log(np.maximum(bins_hz / ROLL_OFF_HZ, 1))).float())
        self.logits = nn.Parameter(torch.zeros(sources, len(knots), order + 1))
        self.log_gains = nn.Parameter(torch.zeros(sources, frames))
        self.log_noise = nn.Parameter(torch.zeros(frames, bands.shape[1]))

    @torch.no_grad()
    def start_from(self, start: SourceFilterModel) -> None:
        """Take the filters that come nearest to envelopes, their levels, and their noise."""
        order = self.logits.shape[-1] - 1
        to_knots = self.to_frames.cpu().numpy().T
        slope = np.exp(-2 * self.roll_off.cpu().numpy())
        for source in range(len(self.combs)):
            power = np.square(start.envelope(source)) * slope
            lpc = lpc_of_power(to_knots @ power, order)
            self.logits[source] = logits_of_lsf(torch.from_numpy(lsf_of_lpc(lpc))).to(self.logits)
        heard = torch.stack(
            [
                (comb * torch.from_numpy(start.envelope(source)).to(comb)).sum(dim=-1)
                for source, comb in enumerate(self.combs)
            ]
        )
        of_filters = (self.combs * self.log_filters().exp()).sum(dim=-1)
        self.log_gains.copy_((heard + _SILENT).log() - (of_filters + _SILENT).log())
        noise = torch.from_numpy(start.gains[-1] @ start.shapes[-1].T)
        self.log_noise.copy_((noise + _SILENT).log())

    def log_filters(self) -> Tensor:
        """Logarithm of every source's magnitude but for its gain [shape=(sources, frames, bins)]."""
        response = log_gain(lsf_of_logits(self.logits), self.cosines)
        response = response - response.mean(dim=-1, keepdim=True)
        return (self.to_frames @ response) @ self.to_bins.T + self.roll_off

    def envelopes(self) -> Tensor:
        """Magnitudes that partials have where they are [shape=(sources, frames, bins)]."""
        return torch.exp(self.log_filters() + self.log_gains[..., None])

    def harmonics(self) -> Tensor:
        """Magnitudes of all sources without noise [shape=(sources, frames, bins)]."""
        return self.combs * self.envelopes()

    def noise(self) -> Tensor:
        """Magnitude of the noise [shape=(frames, bins)]."""
        return self.log_noise.exp() @ self.bands.T + FLOOR

    def unsteadiness(self) -> Tensor:
        """Mean change of filters and gains from one knot or frame to the next."""
        changes = [values.diff(dim=1).abs() for values in (self.logits, self.log_gains)]
        return torch.stack([change.mean() for change in changes if change.numel()] or [self.log_gains.sum() * 0]).sum()


def interpolation(wanted: NDArray[np.floating], given: NDArray[np.floating]) -> NDArray[np.float32]:
    """What makes of values at increasing places those at others, linearly [shape=(wanted, given)]."""
    weights = [np.interp(wanted, given, one) for one in np.eye(len(given))]
    return np.stack(weights, axis=1).astype(np.float32)
