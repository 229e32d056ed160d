"""Repetition in a spectrogram: the beat spectrum, its period, and what repeats with it.

References
----------
Foote and Uchihashi, "The beat spectrum: a new approach to rhythm analysis", ICME 2001.
Rafii and Pardo, "Repeating pattern extraction technique (REPET): a simple method for music/voice separation", IEEE
TASLP 21(1), 2013.
Liutkus, Rafii, Badeau, Pardo and Richard, "Adaptive filtering for music/voice separation exploiting the repeating
musical structure", ICASSP 2012.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

REPETITIONS = 4
"""How often a period is heard at least, for it to be found."""

_SHIFTED = 2
"""Lags by which peaks of the beat spectrum may miss a multiple of the period."""


def beat_spectrum(V: Array) -> NDArray[np.float64]:
    """How alike a spectrogram is to itself some frames later: the autocorrelation of its power, summed over bins.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]

    Returns
    -------
    b : ndarray [shape=(frames,)]
        By lag in frames, unbiased, 1 at none.
    """
    import scipy.fft

    frames = V.shape[1]
    size = scipy.fft.next_fast_len(2 * frames, real=True)
    total = np.zeros(size // 2 + 1)
    # Fourth powers of what is as loud as integers overflow in single precision.
    _, exponent = np.frexp(V.max(initial=0))
    for start in range(0, len(V), 128):
        spectrum = scipy.fft.rfft(np.square(np.ldexp(V[start : start + 128], -exponent)), size, axis=1)
        total += np.square(np.abs(spectrum)).sum(axis=0, dtype=np.float64)
    b = scipy.fft.irfft(total, size)[:frames] / np.arange(frames, 0, -1)
    return np.asarray(b / b[0] if b[0] > 0 else np.zeros_like(b))


def repeating_period(b: Array, shortest: int, longest: int) -> int:
    """The lag whose multiples are peaks of the beat spectrum, by the highest mean height above what is around them.

    Parameters
    ----------
    b : ndarray [shape=(lags,)]
        A beat spectrum.
    shortest, longest : int
        Of the periods that come into question, in frames; none is so long that it is heard less than
        `REPETITIONS` times.

    Returns
    -------
    period : int
        In frames; where nothing repeats, the shortest.
    """
    # Between repetitions as far apart as the first and the last, the mean is over few frames.
    b = b[: max(REPETITIONS, len(b) - len(b) // REPETITIONS)]
    longest = min(longest, len(b) // (REPETITIONS - 1))
    shortest = max(1, min(shortest, longest))
    sums = np.concatenate([[0], np.cumsum(b, dtype=np.float64)])
    best, best_height = shortest, 0.0
    for period in range(shortest, longest + 1):
        around = 3 * period // 4
        multiples = range(period, len(b), period)
        height = 0.0
        for multiple in multiples:
            low, high = max(0, multiple - around), min(len(b), multiple + around + 1)
            near = max(0, multiple - _SHIFTED)
            peak = float(b[near : multiple + _SHIFTED + 1].max())
            if peak >= b[low:high].max():
                height += peak - float(sums[high] - sums[low]) / (high - low)
        if height / len(multiples) > best_height * (1 + 1e-9):
            best, best_height = period, height / len(multiples)
    return best


def repeating_segment(V: Array, period: int) -> Array:
    """The median of all periods, repeated [shape=(bins, frames)].

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    period : int
        In frames.
    """
    bins, frames = V.shape
    whole, rest = divmod(frames, period)
    if not whole:
        return V
    segment = np.median(V[:, : whole * period].reshape(bins, whole, period), axis=1)
    if rest:
        # The beginning of the period is there once more.
        with_last = np.concatenate(
            [V[:, : whole * period].reshape(bins, whole, period)[:, :, :rest], V[:, np.newaxis, -rest:]], axis=1
        )
        segment[:, :rest] = np.median(with_last, axis=1)
    return np.asarray(np.tile(segment, whole + 1)[:, :frames], V.dtype)


def repeating_neighbours(V: Array, periods: NDArray[np.intp], repetitions: int) -> Array:
    """The median of each frame and the frames nearest to it that are multiples of its period away.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    periods : ndarray [shape=(frames,)]
        In frames.
    repetitions : int
        Of how many frames the median is taken, itself among them.

    Returns
    -------
    repeating : ndarray [shape=(bins, frames)]
    """
    frames = V.shape[1]
    by_frame = np.ascontiguousarray(V.T)
    repeating = np.empty_like(by_frame)
    steps = np.arange(-repetitions + 1, repetitions)
    steps = steps[np.argsort(np.abs(steps), kind="stable")]
    for frame, period in enumerate(periods):
        others = frame + steps * period
        others = others[(others >= 0) & (others < frames)][:repetitions]
        repeating[frame] = median_frame(by_frame[others])
    return repeating.T


def median_frame(frames: Array) -> Array:
    """The median of some frames in every bin [shape=(bins,)].

    Parameters
    ----------
    frames : ndarray [shape=(frames, bins)]
    """
    # To sort short rows is several times as fast as `numpy.median`, which looks for their middle.
    ordered = np.sort(np.ascontiguousarray(frames.T), axis=1)
    middle = len(frames) // 2
    return np.asarray((ordered[:, middle] + ordered[:, -middle - 1]) / 2, frames.dtype)


def local_periods(V: Array, context: int, shortest: int, longest: int) -> NDArray[np.intp]:
    """The period around every frame, from beat spectra of windows that overlap by half [shape=(frames,)].

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    context : int
        Frames of a window.
    shortest, longest : int
        As of `repeating_period`.
    """
    frames = V.shape[1]
    context = min(context, frames)
    count = 1 + max(0, round(2 * (frames - context) / context))
    starts = np.round(np.linspace(0, frames - context, count)).astype(np.intp)
    found = [repeating_period(beat_spectrum(V[:, start : start + context]), shortest, longest) for start in starts]
    centres = starts + context / 2
    nearest = np.searchsorted((centres[:-1] + centres[1:]) / 2, np.arange(frames))
    return np.asarray(found, np.intp)[nearest]
