r"""The line that each instrument plays: a Markov chain of pitches, and the most likely assignment of tones to lines.

A tone goes on at the pitch it had in the spectrum before, or, with a small probability :math:`\varepsilon`, a note
begins, whose pitch is drawn from the register of the instrument,

.. math:: p(x_t \mid x_{t-1}) = (1 - \varepsilon)\, \mathcal{N}(x_t; x_{t-1}, s^2) + \varepsilon\, r_i(x_t).

References
----------
Rabiner, "A tutorial on hidden Markov models and selected applications in speech recognition", Proceedings of the IEEE
77(2), 1989.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit_sparse_pursuit.log_axis import LogAxis
from sepkit_sparse_pursuit.tones import Array, Tones

NOTE_S = 0.3
"""How long notes last on average."""

_UNSTEADY = 0.3
"""s: standard deviation of the pitch between spectra, in semitones."""

_BLUR = 2.0
"""Standard deviation, in semitones, by which registers are smoothed."""

_ANYWHERE = 10.0
"""Spectra whose tones count as spread over the whole axis: no pitch is impossible."""

_AT_ONCE = 1024
"""Spectra whose candidates are looked at at once."""


def most_likely(
    axis: LogAxis, before: Tones, candidates: Tones, emission: NDArray[np.float64], hop_s: float
) -> tuple[NDArray[np.intp], float]:
    """The most likely sequence of assignments, by Viterbi's algorithm.

    Parameters
    ----------
    axis : LogAxis
    before : Tones
        [shape=(spectra, tones)] From which registers are taken.
    candidates : Tones
        [shape=(spectra, assignments, tones)] What each assignment makes of the tones.
    emission : ndarray [shape=(spectra, assignments)]
        Log-likelihoods of the spectra; minus infinity for assignments that there are not.
    hop_s : float
        Seconds between spectra.

    Returns
    -------
    path : ndarray of int [shape=(spectra,)]
        Assignment of each spectrum.
    log_likelihood : float
        Of path and spectra.
    """
    begins = min(1.0, hop_s / NOTE_S)
    semitones = 12 / np.log(2) / axis.bins_per_e
    last = axis.bins - 1
    register = registers(
        np.clip(before.position, 0, last) * semitones,
        before,
        int(candidates.instrument.max(initial=0)) + 1,
        int(np.ceil(last * semitones)) + 1,
    )
    best = large.empty(emission.shape, np.int32)
    score = emission[0]
    # Of each lot the last spectrum is the first of the next.
    for first in large.paced(range(0, len(emission), _AT_ONCE)):
        lot = candidates[first : first + _AT_ONCE + 1]
        pitch = np.clip(lot.position, 0, last) * semitones
        anew = begins * register[lot.instrument, np.rint(pitch).astype(np.intp)]
        sounding = lot.amplitude > 0
        if first == 0:
            score = score + np.where(sounding[0], np.log(anew[0]), 0).sum(axis=-1)
        for then, now in pairwise(range(len(pitch))):
            same = lot.instrument[then][:, np.newaxis, :, np.newaxis] == lot.instrument[now][:, np.newaxis]
            goes_on = (same & sounding[then][:, np.newaxis, :, np.newaxis]) * _normal(
                pitch[now][:, np.newaxis] - pitch[then][:, np.newaxis, :, np.newaxis]
            )
            either = (1 - begins) * goes_on.max(axis=2, initial=0) + anew[now]
            through = score[:, np.newaxis] + np.where(sounding[now], np.log(either), 0).sum(axis=-1)
            best[first + now] = through.argmax(axis=0)
            score = through.max(axis=0) + emission[first + now]
    path = np.zeros(len(emission), np.intp)
    path[-1] = score.argmax()
    for now in range(len(emission) - 1, 0, -1):
        path[now - 1] = best[now, path[now]]
    return path, float(score.max())


def registers(pitch: Array, tones: Tones, instruments: int, semitones: int) -> NDArray[np.float64]:
    """r: how likely each instrument begins a note at each pitch, by the tones that it has.

    Parameters
    ----------
    pitch : ndarray [shape=(spectra, tones)]
        In semitones from the lowest bin of the axis.
    tones : Tones
    instruments : int
    semitones : int
        Of the axis.

    Returns
    -------
    register : ndarray [shape=(instruments, semitones)]
        Densities over semitones.
    """
    far = int(6 * _BLUR)
    blur = _normal(np.arange(-far, far + 1.0), _BLUR)
    register = np.full((instruments, semitones), _ANYWHERE / semitones)
    for instrument in range(instruments):
        its = (tones.amplitude > 0) & (tones.instrument == instrument)
        counts = np.bincount(np.rint(pitch[its]).astype(np.intp), minlength=semitones)
        register[instrument] += np.convolve(counts, blur)[far : far + semitones]
    normalized: NDArray[np.float64] = register / register.sum(axis=1, keepdims=True)
    return normalized


def _normal(distance: Array, deviation: float = _UNSTEADY) -> Array:
    density: Array = np.exp(-0.5 * (distance / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    return density
