"""Masks of blocks of frames, each seen with as many frames around it as its kernels reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import STFT
from sepkit_classical.config import HPSSConfig
from sepkit_classical.kernels import harmonic_percussive
from sepkit_classical.voice import mean_magnitudes


class PartMasks:
    """Masks of the harmonic and the percussive part of a recording, and of the residual if there is one.

    They are as `STFT.filter` wants them.

    Parameters
    ----------
    samples : ndarray [shape=(channels, samples)]
        Channels share their masks.
    sample_rate : int
    stft : STFT
    config : HPSSConfig
        Its window is not looked at: the transform has one.
    """

    def __init__(self, samples: NDArray[np.floating], sample_rate: int, stft: STFT, config: HPSSConfig) -> None:
        self._samples, self._stft, self._config = samples, stft, config
        self._frames = 2 * round(config.harmonic_s * sample_rate / stft.hop / 2) + 1
        self._bins = 2 * round(config.percussive_hz * stft.window_length / sample_rate / 2) + 1

    def __call__(self, block: slice) -> NDArray[np.floating]:
        """The masks of a block of frames [shape=(parts, bins, frames)]."""
        reach = self._config.iterations * (self._frames // 2)
        seen = slice(max(0, block.start - reach), min(block.stop + reach, self._stft.frames(self._samples.shape[-1])))
        masks = harmonic_percussive(
            mean_magnitudes(self._stft, self._samples, seen),
            self._frames,
            self._bins,
            kernel=self._config.kernel,
            iterations=self._config.iterations,
            factor=self._config.separation_factor,
            exponent=self._config.exponent,
        )
        parts = 3 if self._config.separation_factor > 1 else 2
        return masks[:parts, :, block.start - seen.start : block.stop - seen.start]
