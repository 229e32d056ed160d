"""Masks of blocks of frames, each seen with as many frames around it as its kernels reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import STFT
from sepkit_hpss.config import HPSSConfig
from sepkit_hpss.kernels import harmonic_percussive


class PartMasks:
    """The masks of the harmonic and of the percussive part of a recording, as `STFT.filter` asks for them.

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
        """The masks of a block of frames [shape=(2, bins, frames)]."""
        reach = self._config.iterations * (self._frames // 2)
        seen = slice(max(0, block.start - reach), min(block.stop + reach, self._stft.frames(self._samples.shape[-1])))
        both = harmonic_percussive(
            np.abs(self._stft.forward(self._samples, seen)).mean(axis=0),
            self._frames,
            self._bins,
            kernel=self._config.kernel,
            iterations=self._config.iterations,
            exponent=self._config.mask_exponent,
        )
        return both[:, :, block.start - seen.start : block.stop - seen.start]
