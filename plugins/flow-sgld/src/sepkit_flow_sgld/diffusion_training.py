"""Training of the prior `diffusion`: denoising score matching, a denoiser for every source."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sepkit.neural import generator
from sepkit_flow_sgld.clutter import random_tones
from sepkit_flow_sgld.denoiser import DENOISERS
from sepkit_flow_sgld.diffusion import METHOD
from sepkit_flow_sgld.diffusion_config import (
    DenoiserOptions,
    DiffusionTrainingConfig,
    PeriodicDenoiserOptions,
    SpectralDenoiserOptions,
)
from sepkit_flow_sgld.segments import Segments
from sepkit_flow_sgld.source_training import SourceTrainer

_LEAST_ERROR = 1e-8
"""Of the noise's power: errors below it are none."""
_CLUTTER_S = 120.0
_CLUTTER_DB = (-20.0, 10.0)
"""Of clutter, over the segment."""
_FILTER_BANDS = 8


class DiffusionTrainer(SourceTrainer[DiffusionTrainingConfig]):
    """Minimise what is left of the noise, at noise levels that are drawn anew for every segment.

    The loss is the logarithm of the error's power over that of noise or signal, whichever is less: every level counts
    alike, whatever can be reached there.
    """

    method: ClassVar[str] = METHOD
    unit: ClassVar[str] = "db"
    units: ClassVar[float] = 10 / math.log(10)
    validation_segments: ClassVar[int] = 16
    reported_levels: ClassVar[tuple[float, ...]] = (0.004, 0.02, 0.1, 0.5, 2.0, 8.0)

    def _model(self, learned: Segments, rng: np.random.Generator) -> tuple[DenoiserOptions, nn.Module]:
        options = self._options(learned)
        denoiser = DENOISERS.drawn(options)
        denoiser.initialize(generator(rng))
        self._data_std = options.data_std
        tones = random_tones(_CLUTTER_S, learned.sample_rate, rng) if self.config.clutter else np.ones(1, np.float32)
        self._clutter = Segments([tones], learned.sample_rate)
        return options, denoiser

    def _drawn(self, learned: Segments, rng: np.random.Generator) -> NDArray[np.floating]:
        clean = super()._drawn(learned, rng)
        return filtered(clean, self.config.filter_db, rng) if self.config.filter_db else clean

    def _losses(
        self, model: nn.Module, clean: NDArray[np.floating], sigmas: NDArray[np.float64], rng: np.random.Generator
    ) -> Tensor:
        """Logarithm of the error of denoising, over the power of noise or data, whichever is less."""
        noisy = clean + sigmas[:, np.newaxis] * rng.standard_normal(clean.shape)
        if self.config.clutter:
            noisy += self._cluttered(clean, rng)
        target, given = (torch.as_tensor(x, dtype=torch.float32, device=self._device) for x in (clean, noisy))
        sigma = torch.as_tensor(sigmas, dtype=torch.float32, device=self._device)
        error = (model(given, sigma) - target).square().mean(1)
        return torch.log(error / sigma.clamp_max(self._data_std).square() + _LEAST_ERROR)

    def _cluttered(self, clean: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.floating]:
        """Tones beside some of the segments, at levels as sources have them beside each other [shape=clean.shape]."""
        tones = self._clutter.draw(len(clean), clean.shape[1], rng)
        levels = 10 ** (rng.uniform(*_CLUTTER_DB, len(clean)) / 20) * (rng.random(len(clean)) < self.config.clutter)
        norms = np.linalg.norm(clean, axis=1) / np.maximum(np.linalg.norm(tones, axis=1), 1e-12)
        beside: NDArray[np.floating] = tones * (levels * norms)[:, np.newaxis]
        return beside

    def _stored(self, model: nn.Module) -> dict[str, Tensor]:
        # Of a periodic denoiser, what half precision rounds off is more than is left of the noise.
        return super()._stored(model) if self.config.kind == "spectral" else dict(model.state_dict())

    def _options(self, learned: Segments) -> DenoiserOptions:
        config, rate = self.config, learned.sample_rate
        common: dict[str, Any] = {
            "data_std": math.sqrt(learned.power),
            "levels": (config.lowest, config.highest),
            "width": config.width,
        }
        if config.kind == "spectral":
            return SpectralDenoiserOptions(kind="spectral", window=config.window, dilations=config.dilations, **common)
        shortest, longest = (rate / config.highest_hz, rate / config.lowest_hz)
        return PeriodicDenoiserOptions(
            periods=(max(2, math.floor(shortest)), max(2, math.ceil(longest))),
            candidates=config.candidates,
            timbre=config.timbre,
            **common,
        )


def filtered(segments: NDArray[np.floating], decibels: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Segments as other rooms and microphones would have them: every one through a filter that is drawn for it.

    Parameters
    ----------
    segments : ndarray [shape=(batch, samples)]
    decibels : float
        Standard deviation of the filter's gain, at frequencies in equal ratios.
    rng : numpy.random.Generator
    """
    spectra = np.fft.rfft(segments)
    octaves = np.log2(np.arange(spectra.shape[1]) + 1.0)
    knots = np.linspace(0, octaves[-1], _FILTER_BANDS)
    gains = [np.interp(octaves, knots, rng.normal(0, decibels, _FILTER_BANDS)) for _ in segments]
    found: NDArray[np.floating] = np.fft.irfft(spectra * 10 ** (np.array(gains) / 20), n=segments.shape[1])
    return found
