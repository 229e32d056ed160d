"""Spectra on a logarithmic axis of frequency, with partials of one width wherever they lie.

References
----------
Schulze and King, "Sparse pursuit and dictionary learning for blind source separation in polyphonic music recordings",
EURASIP Journal on Audio, Speech, and Music Processing, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sepkit_sparse_pursuit.log_axis import LogAxis
from sepkit_sparse_pursuit.peaks import Peaks, draw, find_peaks
from sepkit_sparse_pursuit.tones import Array

_MOST_PEAKS = 1000

_REACH = 6
"""Standard deviations to which Gaussians that smooth are followed."""


class LogSpectrum(Protocol):
    """What maps magnitude spectra onto a logarithmic axis."""

    def __call__(self, magnitudes: Array) -> Array:
        """Spectra on the axis [shape=(frames, bins of the axis)], from magnitudes [shape=(frames, bins)]."""
        ...


@dataclass(frozen=True, eq=False)
class MelSmoothing:
    """Spectra smoothed by Gaussians that make all partials equally wide on a logarithmic axis.

    Parameters
    ----------
    kernel : ndarray [shape=(bins of the axis, bins of the spectra)]
        As many of these as it takes.
    """

    kernel: Array

    @classmethod
    def of(cls, hz: Array, wanted: Array, bin_hz: float, bins: int, width: float) -> MelSmoothing:
        """For spectra whose bins are `bin_hz` apart and whose partials are Gaussians of `width` bins.

        Parameters
        ----------
        hz : ndarray [shape=(bins of the axis,)]
            Frequencies of these.
        wanted : ndarray [shape=(bins of the axis,)]
            Width of partials there, in bins of the spectra; not below `width`.
        bin_hz : float
        bins : int
        width : float
        """
        # Of Gaussians, and so of what smooths them, the squares add. Powers are narrower than magnitudes.
        spread = np.sqrt(np.maximum((wanted[:, np.newaxis] ** 2 - width**2) / 2, 1e-2))
        centre = hz[:, np.newaxis] / bin_hz
        reached = min(bins, int(np.ceil((centre + _REACH * spread).max())) + 1)
        kernel = np.exp(-((np.arange(reached) - centre) ** 2) / (2 * spread**2))
        # A partial keeps its height.
        height = np.sqrt(width**2 / (width**2 + 2 * spread**2))
        kernel /= kernel.sum(axis=1, keepdims=True) * height
        return cls(kernel.astype(np.float32))

    def __call__(self, magnitudes: Array) -> Array:
        """Root of the smoothed powers."""
        return np.asarray(np.sqrt(magnitudes[:, : self.kernel.shape[1]] ** 2 @ self.kernel.T))


@dataclass(frozen=True, eq=False)
class PeakDrawing:
    """Spectra whose peaks are found by pursuit, and drawn with the same width where they lie on the logarithmic axis.

    Parameters
    ----------
    axis : LogAxis
    bin_hz : float
        Of the spectra.
    width : float
        Of partials, in bins.
    """

    axis: LogAxis
    bin_hz: float
    width: float

    def __call__(self, magnitudes: Array) -> Array:
        """The sum of the Gaussians of at most 1000 peaks of each spectrum."""
        peaks = find_peaks(magnitudes, self.width, _MOST_PEAKS)
        peaks = peaks[peaks.position > 0]
        position = self.axis.position(peaks.position * self.bin_hz).astype(magnitudes.dtype)
        moved = Peaks(peaks.spectrum, peaks.amplitude, position, np.full_like(peaks.width, self.width))
        return draw(moved, (len(magnitudes), self.axis.bins))
