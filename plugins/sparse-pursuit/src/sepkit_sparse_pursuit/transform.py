"""From samples to spectra on the logarithmic axis, and what belongs together on the way there and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sepkit import large
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

_RESOLVED_HZ = 200.0
"""Frequency at which smoothed spectra have the resolution of the window, in semitones, that they have everywhere."""

_MOST_OCTAVES = 2
"""Octaves below that have longer windows."""

_BINS_PER_OCTAVE = 102.4
"""Where peaks are drawn."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A part of the logarithmic axis, and the window through which it is seen.

    Attributes
    ----------
    stft : STFT
    to_log : LogSpectrum
        What maps magnitudes onto this part of the axis.
    part : slice
        Its bins.
    """

    stft: STFT
    to_log: LogSpectrum
    part: slice


@dataclass(frozen=True, eq=False)
class Transform:
    """The linear spectra of a recording, and their form on a logarithmic axis.

    Attributes
    ----------
    stft : STFT
    sample_rate : int
        In Hz.
    width : float
        Standard deviation of a partial in the magnitudes of `stft`, and on the logarithmic axis, in bins.
    axis : LogAxis
    layers : tuple of Layer
        Which together make up the axis.
    """

    stft: STFT
    sample_rate: int
    width: float
    axis: LogAxis
    layers: tuple[Layer, ...]

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
        width = _width(length, deviation)
        resolved = max(_RESOLVED_HZ, config.low_hz)
        per_octave = np.log(2) * resolved * length / sample_rate if config.spectrogram == "mel" else _BINS_PER_OCTAVE
        highest = min(config.high_hz, stft.bins * sample_rate / length)
        axis = LogAxis.between(config.low_hz, highest, bins_per_octave=float(per_octave))
        if config.spectrogram == "mel":
            layers = _smoothing(stft, deviation, sample_rate, axis, resolved)
        else:
            layers = (Layer(stft, PeakDrawing(axis, sample_rate / length, width), slice(0, axis.bins)),)
        return cls(stft, sample_rate, width, axis, layers)

    def model(self, exponent: float) -> ToneModel:
        """What tones look like on the logarithmic axis."""
        return ToneModel(self.axis, self.width, exponent)

    @property
    def hop_s(self) -> float:
        """Seconds between spectra."""
        return self.stft.hop / self.sample_rate

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
        longest = max(layer.stft.window_length for layer in self.layers) // self.stft.window_length
        blocks = list(self.stft.blocks(len(samples), copies=4 * longest))
        Y = large.empty((self.stft.frames(len(samples)), self.axis.bins))
        scale = float(np.max([np.abs(self.stft.forward(samples, block)).max() for block in large.paced(blocks)]))
        for index in (steps or range)(len(blocks)):
            for layer in self.layers:
                magnitudes = self._magnitudes(layer.stft, samples, blocks[index])
                Y[blocks[index], layer.part] = layer.to_log(magnitudes / (scale or 1))
        return Y, scale

    def _magnitudes(self, stft: STFT, samples: NDArray[np.float32], block: slice) -> Array:
        """Through another window, at the same times, as high as through that of `stft` [shape=(frames, bins)]."""
        # Longer windows touch the recording sooner.
        first, others_first = (one.frames_s(len(samples), self.sample_rate)[0] for one in (self.stft, stft))
        sooner = round((first - others_first) * self.sample_rate / stft.hop)
        spectra = stft.forward(samples, slice(block.start + sooner, block.stop + sooner))
        return np.asarray(np.abs(spectra).T * np.float32(self.stft.window_length / stft.window_length))


def _width(length: int, deviation: float) -> float:
    """Standard deviation of a partial in magnitudes, in bins, through a Gaussian window of that deviation."""
    return float(length / (2 * np.pi * deviation))


def _smoothing(stft: STFT, deviation: float, sample_rate: int, axis: LogAxis, resolved_hz: float) -> tuple[Layer, ...]:
    """Smoothed spectra, through windows twice as long for each octave below `resolved_hz`, the lowest octaves first."""
    octaves = np.clip(np.ceil(np.log2(resolved_hz / axis.bins_hz) - 1e-9), 0, _MOST_OCTAVES).astype(np.intp)
    width = _width(stft.window_length, deviation)
    layers = []
    for octave in np.unique(octaves)[::-1]:
        (bins,) = np.nonzero(octaves == octave)
        longer = STFT(stft.window_length << octave, stft.hop, ("gaussian", deviation * 2.0**octave))
        hz = axis.bins_hz[bins]
        wanted = np.maximum(width * 2.0**octave * hz / resolved_hz, width)
        to_log = MelSmoothing.of(hz, wanted, sample_rate / longer.window_length, longer.bins, width)
        layers.append(Layer(longer, to_log, slice(int(bins[0]), int(bins[-1]) + 1)))
    return tuple(layers)
