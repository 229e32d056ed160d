"""A denoiser of recordings: a real gain for every bin of their spectra, by what notes of one instrument look like.

A layer that sees all bins of a frame at once learns which partials belong together; convolutions along time learn how
they rise and fall; a small convolution over both draws the gains sharp. Inputs are the powers relative to the noise and
relative to what the source has on the whole, both as logarithms. Where the noise is far below, the gain goes to 1
unless the network says otherwise: the part of ``c_skip`` in Karras et al. (2022).

References
----------
Karras, Aittala, Aila and Laine, "Elucidating the design space of diffusion-based generative models", NeurIPS 2022.
Ephraim and Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude estimator", 1984.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

_HANN_POWER = 0.375
"""Mean square of the window: white noise has the power of a sample in a bin, times this and the window's length."""
_MAPS = 8
_SURE = 6.0
"""Log odds of a gain, at most, that are given to what is loud alone."""


class SpectralDenoiser(nn.Module):
    """The expected clean waveform, given one with white noise.

    Parameters
    ----------
    data_std : float
        Root of the mean square of the signals without noise.
    levels : (float, float)
        Lowest and highest noise level that it has learned, over `data_std`.
    window : int
        Of the Fourier transform, in samples; frames are a quarter of it apart.
    width : int
        Numbers that describe a frame.
    dilations : sequence of int
        How many frames apart the layers look.
    """

    window: Tensor

    def __init__(
        self, *, data_std: float, levels: tuple[float, float], window: int, width: int, dilations: Sequence[int]
    ) -> None:
        super().__init__()
        self.data_std = data_std
        self.lowest, self.highest = (level * data_std for level in levels)
        bins = window // 2 + 1
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        self.listen = nn.Linear(2 * bins + 1, width)
        self.follow = nn.ModuleList(
            nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation) for dilation in dilations
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in dilations)
        self.tell = nn.Linear(width, bins)
        self.look = nn.Conv2d(3, _MAPS, (3, 5), padding=(1, 2))
        self.draw = nn.Conv2d(_MAPS, 1, 3, padding=1)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, 5**0.5, generator=generator)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, waveforms: Tensor, sigma: Tensor) -> Tensor:
        """The clean waveforms [shape=(batch, samples)].

        Parameters
        ----------
        waveforms : Tensor [shape=(batch, samples)]
        sigma : Tensor [shape=(batch,) or (1,)]
            Standard deviation of the noise in them.
        """
        size, samples = len(self.window), waveforms.shape[-1]
        transform: dict[str, Any] = {"n_fft": size, "hop_length": size // 4, "window": self.window}
        spectra: Tensor = torch.stft(waveforms, **transform, pad_mode="constant", return_complex=True)
        gains = self.gains(spectra.abs().square(), sigma.expand(len(waveforms)))
        clean: Tensor = torch.istft(gains * spectra, **transform, length=samples)
        return clean

    def gains(self, powers: Tensor, sigma: Tensor) -> Tensor:
        """Of spectra with these powers [shape=(batch, bins, frames)], between 0 and 1."""
        unit = _HANN_POWER * len(self.window)
        level = sigma[:, None, None]
        over_noise = torch.log(powers / (unit * level.square()) + 0.1)
        absolute = torch.log(powers / (unit * self.data_std**2) + 1e-7)
        loud = (level / self.data_std).log().expand(-1, 1, powers.shape[-1])
        frames = torch.cat((over_noise / 4, absolute / 8, loud / 4), 1).transpose(1, 2)
        state = self.listen(frames)
        for norm, layer in zip(self.norms, self.follow, strict=True):
            state = state + layer(silu(norm(state)).transpose(1, 2)).transpose(1, 2)
        odds = self.tell(silu(state)).transpose(1, 2)
        maps = torch.stack((over_noise / 4, absolute / 8, odds / 4), 1)
        odds = odds + self.draw(silu(self.look(maps)))[:, 0]
        gains: Tensor = torch.sigmoid(odds + over_noise.clamp_max(_SURE))
        return gains
