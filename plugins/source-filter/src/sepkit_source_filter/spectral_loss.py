"""Distance of two sounds by their spectra in six resolutions, blind to phase.

References
----------
Engel, Hantrakul, Gu and Roberts, "DDSP: Differentiable digital signal processing", ICLR 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor

WINDOWS = (2048, 1024, 512, 256, 128, 64)
"""In samples; they overlap by three quarters."""
_SMALL = 1e-10
"""Beside a square, so that the root of silence has a gradient."""
_AUDIBLE = 1e-3


def spectral_loss(estimate: Tensor, truth: Tensor) -> Tensor:
    """Mean distances of magnitudes, beside the mean magnitude, and of their logarithms, over all windows.

    Parameters
    ----------
    estimate, truth : Tensor [shape=(batch, channels, samples)]
        About as loud as 1; what counts is the root mean square of the channels.
    """
    return torch.stack([_distance(estimate, truth, length) for length in WINDOWS]).mean()


def _distance(estimate: Tensor, truth: Tensor, length: int) -> Tensor:
    given, wanted = (_amplitudes(one, length) for one in (estimate, truth))
    linear = (given - wanted).abs().mean() / (wanted.mean() + _AUDIBLE)
    return linear + ((given + _AUDIBLE).log() - (wanted + _AUDIBLE).log()).abs().mean()


def _amplitudes(samples: Tensor, length: int) -> Tensor:
    """Magnitudes in which a steady partial has its amplitude [shape=(batch, bins, frames)]."""
    window = torch.hann_window(length, dtype=samples.dtype, device=samples.device)
    flat = samples.flatten(0, 1)
    spectrum = torch.stft(flat, length, length // 4, window=window, pad_mode="constant", return_complex=True)
    power = (spectrum.real.square() + spectrum.imag.square()).reshape(*samples.shape[:2], *spectrum.shape[1:])
    return torch.sqrt(power.mean(dim=1) + _SMALL) / (length / 4)
