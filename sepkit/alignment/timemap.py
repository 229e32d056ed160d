"""When the recording plays each moment of the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SLOWEST, _FASTEST = 0.25, 4.0


@dataclass(frozen=True, eq=False)
class TimeMap:
    """A strictly increasing function of time, linear between points and at one tempo beyond them.

    Parameters
    ----------
    score_s, recording_s : ndarray [shape=(points,)]
        Strictly increasing, in seconds; at least one point.
    slope : float
        Seconds of the recording for one of the score, before the first and after the last point.
    """

    score_s: NDArray[np.float64]
    recording_s: NDArray[np.float64]
    slope: float

    def __call__(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Times in the recording for times in the score, of the same shape."""
        times_s = np.asarray(times_s, np.float64)
        beyond_s = times_s - np.clip(times_s, self.score_s[0], self.score_s[-1])
        mapped_s: NDArray[np.float64] = np.interp(times_s, self.score_s, self.recording_s) + self.slope * beyond_s
        return mapped_s

    @property
    def inverse(self) -> TimeMap:
        """Times in the score for times in the recording."""
        return TimeMap(self.recording_s, self.score_s, 1 / self.slope)

    @classmethod
    def unmoved(cls) -> TimeMap:
        """The map that leaves every time as it is."""
        return cls(np.zeros(1), np.zeros(1), 1.0)

    @classmethod
    def through(cls, score_s: NDArray[np.float64], recording_s: NDArray[np.float64], slope: float) -> TimeMap:
        """The map through the points of a path that never decreases.

        Where the path stands still in one time, its middle in the other counts.

        Parameters
        ----------
        score_s, recording_s : ndarray [shape=(points,)]
        slope : float
            Taken where the path has one point only.
        """
        recording_s, score_s = _middles(*_middles(score_s, recording_s)[::-1])
        if len(score_s) > 1:
            slope = (recording_s[-1] - recording_s[0]) / (score_s[-1] - score_s[0])
        return cls(score_s, recording_s, float(np.clip(slope, _SLOWEST, _FASTEST)))


def _middles(
    steady: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The distinct values of `steady`, and the mean of `other` at each."""
    values, place, counts = np.unique(steady, return_inverse=True, return_counts=True)
    return values, np.bincount(place, other) / counts
