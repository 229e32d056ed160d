"""Attacks as they were: a stem does not grow before its onsets.

A mask gives a stem the phases of the mixture, which smear each attack over the window around it. Where the onsets are
known, a signal is found that agrees with the masked magnitudes and does not swell before any: Griffin and Lim's
algorithm, with the level before each onset held down at every iteration. Where the paper puts silence there is held
what sounded before, so that the hits of a drum may ring into one another.

References
----------
C. Dittmar and M. Müller, "Towards transient restoration in score-informed audio decomposition", DAFx 2015.
C. Dittmar and M. Müller, "Reverse engineering the Amen break: score-informed separation and restoration applied to drum
recordings", IEEE/ACM TASLP 24(9), 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sepkit.phase import griffin_lim
from sepkit.spectral import STFT

Array = NDArray[np.floating]

_SMOOTH = 16
"""Parts of a window over which the level is averaged: 3 ms of one of 46 ms."""


def restored(
    samples: Array,
    mask: Callable[[slice], Array],
    stft: STFT,
    onsets: Sequence[int],
    *,
    iterations: int,
    steps: Callable[[int], Iterator[int]],
) -> Array:
    """A stem that does not grow before its onsets [shape=(samples,)].

    Parameters
    ----------
    samples : ndarray [shape=(samples,)]
        Of the mixture.
    mask : callable
        Gives for a slice of frames the mask of the stem [shape=(bins, frames)].
    stft : STFT
    onsets : sequence of int
        In samples, rising.
    iterations : int
    steps : callable
        From a number of iterations to an iterator of that length.
    """
    spectrum = np.empty((stft.frames(len(samples)), stft.bins), np.result_type(samples.dtype, np.complex64))
    for block in stft.blocks(len(samples)):
        spectrum[block] = (mask(block) * stft.forward(samples, block)).T
    return griffin_lim(
        np.abs(spectrum).T,
        stft,
        len(samples),
        start=spectrum.T,
        iterations=iterations,
        project=partial(held_down, onsets=onsets, reach=stft.window_length),
        steps=steps,
    )


def held_down(signal: Array, onsets: Sequence[int], reach: int) -> Array:
    """The signal with its level before each onset no higher than it was before a window could hear that onset.

    Parameters
    ----------
    signal : ndarray [shape=(samples,)]
    onsets : sequence of int
        In samples, rising. Where one follows another within half a reach, nothing is held down between them.
    reach : int
        Length of the window, in samples.
    """
    width = max(1, reach // _SMOOTH)
    held = signal.copy()
    for index, onset in enumerate(onsets):
        begin = max(onset - reach, onsets[index - 1] + reach // 2 if index else 0, 0)
        end = min(onset, len(signal))
        if begin >= end:
            continue
        envelope = _envelope(held[max(0, begin - reach) : end], width)
        rising = envelope[-(end - begin) :]
        level = float(envelope[: -(end - begin)].max(initial=0.0))
        gain = np.divide(level, rising, out=np.ones_like(rising), where=rising > level)
        held[begin:end] *= gain.astype(signal.dtype)
    return held


def _envelope(signal: Array, width: int) -> NDArray[np.float64]:
    """Root mean square over so many samples around each [shape=(samples,)]."""
    sums = np.concatenate([[0.0], np.cumsum(np.square(signal, dtype=np.float64))])
    places = np.arange(len(signal))
    last, first = (np.clip(places + reach, 0, len(signal)) for reach in (width // 2 + 1, -(width // 2)))
    envelope: NDArray[np.float64] = np.sqrt(np.maximum(sums[last] - sums[first], 0) / width)
    return envelope
