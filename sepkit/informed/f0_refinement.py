"""F0 moved to where a recording has its partials: for notes and tracks that are up to a semitone and a half off.

Every source has candidates around the F0 that is known of it. The salience of a candidate is how much of the mixture's
spectrum lies at its partials; the Viterbi algorithm finds the path of candidates that is salient and changes its
distance from the known F0 slowly. It finds intonation and offsets; vibrato is left to `sepkit.informed.f0_following`.

References
----------
Klapuri, "Multiple fundamental frequency estimation by summing harmonic amplitudes", ISMIR 2006 (salience).
Mauch and Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold distributions", ICASSP 2014
(paths of F0 candidates).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PARTIALS = 10
RANGE_CENTS = 152.0
STEP_CENTS = 4.0
CENTS = np.arange(-RANGE_CENTS, RANGE_CENTS + STEP_CENTS, STEP_CENTS)
"""Of the candidates, away from the known F0."""
_CHANGE = 0.4
"""What a step of the distance from the known F0 costs, beside saliences from 0 to 1."""
_DISTANCE = 1e-6
"""Where all are equally salient the known F0 is kept."""


def offsets_cents(magnitude: NDArray[np.floating], f0_hz: Array, bin_hz: float) -> Array:
    """How far every source is from its known F0, in cents [shape=(sources, frames)].

    Parameters
    ----------
    magnitude : ndarray [shape=(frames, bins)]
        Of the mixture.
    f0_hz : ndarray [shape=(sources, frames)]
        NaN where unvoiced.
    bin_hz : float
        From one bin to the next.
    """
    # Square roots, or a loud partial would outvote all others.
    level = np.sqrt(magnitude)
    return np.stack([best_path(salience(level, known, bin_hz)) for known in f0_hz])


def salience(level: NDArray[np.floating], f0_hz: Array, bin_hz: float) -> NDArray[np.float32]:
    """Saliences of the candidates of one source [shape=(frames, candidates)].

    From 0 to 1, the most salient of a frame having 1; all 0 in unvoiced frames.
    """
    total = np.zeros((len(f0_hz), len(CENTS)), np.float32)
    voiced = np.flatnonzero(np.isfinite(f0_hz))
    position = f0_hz[voiced, np.newaxis] * 2.0 ** (CENTS / 1200.0) / bin_hz
    rows = voiced[:, np.newaxis]
    highest = level.shape[1] - 2
    for partial in range(1, PARTIALS + 1):
        at = np.minimum(partial * position, highest)
        below = at.astype(np.intp)
        part = (at - below).astype(np.float32)
        total[voiced] += (at < highest) * ((1 - part) * level[rows, below] + part * level[rows, below + 1])
    most = total.max(axis=1, keepdims=True)
    return np.asarray(np.divide(total, most, out=np.zeros_like(total), where=most > 0))


def best_path(values: NDArray[np.float32]) -> Array:
    """The path with the greatest sum of saliences less what its changes cost, in cents [shape=(frames,)]."""
    frames, candidates = values.shape
    cost = (_CHANGE * np.abs(np.subtract.outer(np.arange(candidates), np.arange(candidates)))).astype(np.float32)
    values = values - np.float32(_DISTANCE) * np.abs(CENTS).astype(np.float32)
    before = np.zeros((frames, candidates), np.intp)
    best = values[0]
    for frame in range(1, frames):
        reached = best - cost
        before[frame] = reached.argmax(axis=1)
        best = np.take_along_axis(reached, before[frame, :, np.newaxis], axis=1)[:, 0] + values[frame]
        # Sums over hours would leave nothing of a difference in single precision.
        best -= best.max()
    path = np.empty(frames, np.intp)
    path[-1] = int(best.argmax())
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = before[frame, path[frame]]
    return np.asarray(CENTS[path])
