"""From samples to spectra on the logarithmic axis, and what belongs together on the way there and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sepkit.errors import ConfigError
from sepkit.spectral import STFT
from sepkit_sparse_pursuit.config import ToneConfig
from sepkit_sparse_pursuit.log_axis import LogAxis
from sepkit_sparse_pursuit.log_spectrogram import LogSpectrum, MelSmoothing, PeakDrawing
from sepkit_sparse_pursuit.refinement import ToneModel
from sepkit_sparse_pursuit.tones import Array

_DEVIATIONS = 12
"""Length of the Gaussian window in standard deviations."""

_MOST_WINDOW = 1 << 18


@dataclass(frozen=True, eq=False)
class Transform:
    """The linear spectra of a recording, and their form on a logarithmic axis.

    Attributes
    ----------
    stft : STFT
    sample_rate : int
        In Hz.
    width : float
        Standard deviation of a partial in the magnitudes of `stft`, in bins.
    to_log : LogSpectrum
        What maps magnitudes onto the logarithmic axis.
    """

    stft: STFT
    sample_rate: int
    width: float
    to_log: LogSpectrum

    @classmethod
    def of(cls, config: ToneConfig, sample_rate: int) -> Transform:
        """The transform that `config` describes.

        Raises
        ------
        ConfigError
            If nothing of the range of frequencies is left at this sample rate, or the window is too long for it.
        """
        if config.low_hz * 2 >= sample_rate / 2:
            raise ConfigError(
                f"low_hz={config.low_hz:g} leaves no octave below the {sample_rate / 2:g} Hz that a recording at "
                f"{sample_rate} Hz reaches; lower it"
            )
        deviation = config.window_s / _DEVIATIONS * sample_rate
        if config.window_s * sample_rate > _MOST_WINDOW:
            raise ConfigError(
                f"a window of {config.window_s:g} s has {config.window_s * sample_rate:.0f} samples at {sample_rate} "
                f"Hz, and {_MOST_WINDOW} are the most; take a shorter one"
            )
        half = max(16, round(config.window_s * sample_rate / 2))
        length = 2 * int(scipy.fft.next_fast_len(half, real=True))
        hop = min(max(1, round(config.hop_s * sample_rate)), length // 8)
        stft = STFT(length, hop, ("gaussian", deviation))
        width = length / (2 * np.pi * deviation)
        kind = MelSmoothing if config.spectrogram == "mel" else PeakDrawing
        to_log = kind.of(sample_rate / length, stft.bins, width, config.low_hz, config.high_hz)
        return cls(stft, sample_rate, width, to_log)

    @property
    def axis(self) -> LogAxis:
        """The logarithmic axis."""
        return self.to_log.axis

    def model(self, exponent: float) -> ToneModel:
        """What tones look like on the logarithmic axis."""
        return ToneModel(self.axis, self.width, exponent)

    def log_spectra(
        self, samples: NDArray[np.float32], steps: Callable[[int], Iterator[int]] | None = None
    ) -> tuple[Array, float]:
        """All spectra on the logarithmic axis.

        Parameters
        ----------
        samples : ndarray [shape=(samples,)]
        steps : callable, optional
            Wraps the loop over blocks of frames.

        Returns
        -------
        Y : ndarray [shape=(frames, bins of the axis)]
            The largest of all linear magnitudes counts as 1.
        scale : float
            That magnitude.
        """
        blocks = list(self.stft.blocks(len(samples), copies=4))
        Y = np.empty((self.stft.frames(len(samples)), self.axis.bins), np.float32)
        scale = float(np.max([np.abs(self.stft.forward(samples, block)).max() for block in blocks]))
        for index in (steps or range)(len(blocks)):
            Y[blocks[index]] = self.to_log(np.abs(self.stft.forward(samples, blocks[index])).T / (scale or 1))
        return Y, scale
