"""The melody of a recording: salience of every F0 by subharmonic summation, and the best path through it.

References
----------
Hermes, "Measurement of pitch by subharmonic summation", JASA 83(1), 1988.
Ikemiya, Itoyama and Yoshii, "Singing voice separation and vocal F0 estimation based on mutual combination of robust
principal component analysis and subharmonic summation", IEEE/ACM TASLP 24(11), 2016 (A-weighting, the weights of
partials and the costs of steps).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

STEP_CENTS = 20
_PARTIALS = 20
_DECAY = 0.86
"""Of the weight of partials, from one to the next."""
_SPREAD_CENTS = 106.0
"""Of the Laplace distribution of steps from frame to frame of 10 ms: a standard deviation of 150 cents."""
_FRAME_S = 0.01
_REACH = 30
"""Candidates that F0 may move by in a frame."""


def candidates_hz(lowest_hz: float, highest_hz: float) -> NDArray[np.float64]:
    """F0 that come into question [shape=(candidates,)], 20 cents apart."""
    count = max(2, 1 + int(1200 / STEP_CENTS * np.log2(highest_hz / lowest_hz)))
    return np.asarray(lowest_hz * 2 ** (np.arange(count) * STEP_CENTS / 1200))


def subharmonic_summation(S: Array, bin_hz: float, f0_hz: Array) -> Array:
    """Salience of every F0 in every frame.

    Parameters
    ----------
    S : ndarray [shape=(bins, frames)]
        Magnitudes, of the voice as far as it is known.
    bin_hz : float
        From one bin to the next.
    f0_hz : ndarray [shape=(candidates,)]

    Returns
    -------
    salience : ndarray [shape=(candidates, frames)]
        Weighted sums of the magnitudes at the partials.
    """
    import scipy.sparse

    number = np.arange(1, _PARTIALS + 1)
    place = f0_hz[:, np.newaxis] * number / bin_hz
    row, column = np.nonzero(place < len(S) - 1)
    inside = place[row, column]
    below = inside.astype(np.intp)
    weight, share = _DECAY**column, inside - below
    values = np.concatenate([weight * (1 - share), weight * share])
    places = (np.tile(row, 2), np.concatenate([below, below + 1]))
    summation = scipy.sparse.csr_array((values, places), shape=(len(f0_hz), len(S)), dtype=S.dtype)
    return np.asarray(summation @ S)


def a_weighting(frequencies_hz: Array) -> NDArray[np.float32]:
    """How loud a tone of each frequency is beside one of 1 kHz [shape=(frequencies,)], as of IEC 61672."""
    f2 = np.square(np.asarray(frequencies_hz, np.float64))
    below = (f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
    return np.asarray(1.2589 * f2**2 * 12194**2 / (below * (f2 + 12194**2)), np.float32)


def best_path(salience: Array, frame_s: float) -> NDArray[np.intp]:
    """The path whose salience is high and whose steps are small, by the Viterbi algorithm.

    Parameters
    ----------
    salience : ndarray [shape=(candidates, frames)]
        Nonnegative; that of a frame says how likely candidates are beside one another.
    frame_s : float
        From one frame to the next.

    Returns
    -------
    path : ndarray [shape=(frames,)]
        Indices of candidates.
    """
    candidates, frames = salience.shape
    total = salience.sum(axis=0)
    likely = np.log(salience.T / np.where(total > 0, total, 1)[:, np.newaxis] + 1e-6)
    reach = min(_REACH, candidates - 1)
    steps = np.arange(-reach, reach + 1)
    cost = np.abs(steps) * STEP_CENTS / (_SPREAD_CENTS * max(1.0, frame_s / _FRAME_S))
    came_from = np.empty((frames, candidates), np.int16)
    score = likely[0].astype(np.float64)
    own = np.arange(candidates)
    for frame in range(1, frames):
        padded = np.pad(score, reach, constant_values=-np.inf)
        trials = np.lib.stride_tricks.sliding_window_view(padded, len(steps)) - cost
        best = trials.argmax(axis=1)
        came_from[frame] = best + own - reach
        score = trials[own, best] + likely[frame]
    path = np.empty(frames, np.intp)
    path[-1] = score.argmax()
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return path


def melody_hz(S: Array, bin_hz: float, frame_s: float, lowest_hz: float, highest_hz: float) -> NDArray[np.float64]:
    """F0 of the most salient voice in every frame, whether it sounds or not [shape=(frames,)].

    Parameters
    ----------
    S : ndarray [shape=(bins, frames)]
    bin_hz, frame_s : float
    lowest_hz, highest_hz : float
        Of F0.
    """
    f0_hz = candidates_hz(lowest_hz, highest_hz)
    return np.asarray(f0_hz[best_path(subharmonic_summation(S, bin_hz, f0_hz), frame_s)])
