"""Activations that leave the sounds of a source as they are: sparse over time, few at a time, and along diagonals.

References
----------
J. Driedger, T. Prätzlich and M. Müller, "Let it Bee: towards NMF-inspired audio mosaicing", ISMIR 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sepkit_nmf.divergence import data_floor

Array = NDArray[np.floating]

BLOCK_VALUES = 1 << 23
"""Activations that are held at a time: 32 MB in single precision, of which there are a few copies."""
BLOCK_FRAMES = 1 << 13
"""Most frames of a block, however few the sounds are: their magnitudes are held as well."""


def mosaic_activations(
    V: Array,
    W: Array,
    *,
    takes: Sequence[slice] = (slice(None),),
    repetition: int = 3,
    polyphony: int = 10,
    continuity: int = 3,
    iterations: int = 20,
    steps: Callable[[int], Iterable[object]] = range,
) -> Iterable[tuple[slice, Array]]:
    """Which frames of a source sound at each frame of a target, by diagonal NMF with fixed templates.

    Every iteration weakens activations next to a stronger one in time, and all but the strongest at a time, spreads
    what is left along the diagonals, on which frames of the source follow one another, and updates it towards the
    target under the Kullback-Leibler divergence. None of this looks further than a few frames, so the target is worked
    on in blocks that see as far around themselves as all iterations together: the outcome is the same.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
        Magnitudes of the target.
    W : ndarray [shape=(bins, sounds)]
        Magnitudes of the source, each column summing to one or zero.
    takes : sequence of slice
        The columns of each recording of the source; diagonals end where one does.
    repetition, continuity : int
        In frames.
    polyphony : int
        Sounds at a time.
    iterations : int
    steps : callable
        From a number of steps to an iterable of that length, to show progress or to cancel by raising.

    Yields
    ------
    block : slice
        Frames of the target, one block after the other.
    H : ndarray [shape=(sounds, block)]
    """
    frames = V.shape[1]
    reach = iterations * (repetition + continuity)
    size = max(1, min(BLOCK_VALUES // W.shape[1], BLOCK_FRAMES) - 2 * reach, reach)
    starts = range(0, frames, size)
    progress = iter(steps(len(starts) * iterations))
    floor = data_floor(V)
    for start in starts:
        stop = min(start + size, frames)
        seen = slice(max(0, start - reach), min(stop + reach, frames))
        v = V[:, seen]
        H = updated(v, W, np.ones((W.shape[1], v.shape[1]), V.dtype), floor)
        for number in range(iterations):
            next(progress, None)
            kept = 1 - (number + 1) / iterations
            H = weakened(H, strongest_in_time(H, repetition), kept)
            H = weakened(H, strongest_at_a_time(H, polyphony), kept)
            H = updated(v, W, continued(H, continuity, takes), floor)
        yield slice(start, stop), H[:, start - seen.start : stop - seen.start]
        # Two blocks would take twice the memory.
        del H
    # So that the last step is seen as done.
    next(progress, None)


def weakened(H: Array, strong: NDArray[np.bool_], kept: float) -> Array:
    """The activations with all that are not strong times `kept` [shape=H.shape]."""
    return np.where(strong, H, H.dtype.type(kept) * H)


def strongest_in_time(H: Array, repetition: int) -> NDArray[np.bool_]:
    """Where an activation is the largest of its row within so many frames to either side [shape=(sounds, frames)]."""
    import scipy.ndimage

    if not repetition:
        return np.ones(H.shape, bool)
    largest = scipy.ndimage.maximum_filter1d(H, 2 * repetition + 1, axis=1, mode="constant")
    strongest: NDArray[np.bool_] = largest <= H
    return strongest


def strongest_at_a_time(H: Array, polyphony: int) -> NDArray[np.bool_]:
    """The largest activations of each frame, so many of them [shape=(sounds, frames)]."""
    strongest = np.ones(H.shape, bool)
    if polyphony < len(H):
        weaker = np.argpartition(H, len(H) - polyphony, axis=0)[: len(H) - polyphony]
        np.put_along_axis(strongest, weaker, values=False, axis=0)
    return strongest


def continued(H: Array, continuity: int, takes: Sequence[slice]) -> Array:
    """Sums along the diagonals, so many frames to either side [shape=(sounds, frames)]."""
    C = H.copy()
    for take in takes:
        rows, spread = H[take], C[take]
        for lag in range(1, min(continuity, len(rows) - 1, H.shape[1] - 1) + 1):
            spread[lag:, lag:] += rows[:-lag, :-lag]
            spread[:-lag, :-lag] += rows[lag:, lag:]
    return C


def updated(V: Array, W: Array, H: Array, floor: float) -> Array:
    """One multiplicative update under the Kullback-Leibler divergence; templates sum to one [shape=H.shape]."""
    # H ⊙ Wᵀ(V ⊘ WH)
    ratio = V / np.maximum(W @ H, V.dtype.type(floor))
    return H * (W.T @ ratio)
