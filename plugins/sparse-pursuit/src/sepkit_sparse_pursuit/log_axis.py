"""The logarithmic axis of frequency, on which the pattern of a tone's harmonics only shifts with its pitch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class LogAxis:
    """Bins at equal ratios of frequency.

    Parameters
    ----------
    low_hz : float
        Frequency of bin 0.
    bins_per_e : float
        Bins within a ratio of e, the base of natural logarithms.
    bins : int
        Number of bins.

    Examples
    --------
    >>> axis = LogAxis.between(20, 20480, bins_per_octave=102.4)
    >>> axis.bins, float(axis.hz(102.4)), float(axis.position(40))
    (1024, 40.0, 102.4)
    """

    low_hz: float
    bins_per_e: float
    bins: int

    @classmethod
    def between(cls, low_hz: float, high_hz: float, *, bins_per_octave: float) -> LogAxis:
        """The axis from `low_hz` to just below `high_hz`."""
        return cls(low_hz, bins_per_octave / math.log(2), max(1, round(bins_per_octave * math.log2(high_hz / low_hz))))

    def hz(self, position: ArrayLike) -> NDArray[np.float64]:
        """Frequencies in Hz at positions, which may lie between bins."""
        return np.asarray(self.low_hz * np.exp(np.asarray(position, np.float64) / self.bins_per_e))

    def position(self, hz: ArrayLike) -> NDArray[np.float64]:
        """Positions of frequencies in Hz."""
        return np.asarray(self.bins_per_e * np.log(np.asarray(hz, np.float64) / self.low_hz))

    @property
    def bins_hz(self) -> NDArray[np.float64]:
        """Centre frequency of every bin [shape=(bins,)]."""
        return self.hz(np.arange(self.bins))
