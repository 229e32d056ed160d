"""Which instrument plays which tone: what single spectra leave open, the line of each instrument tells.

Instruments that sound alike are confused in spectra seen one by one. Tones explain spectra up to noise of unknown
variance, so that the loss L of an assignment of the tones to the instruments has the log-likelihood -n/2 ln L, where a
spectrum has n independent values. What the lines of the instruments make of it, `lines` tells; registers are those of
the assignments before, in turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit_sparse_pursuit.lines import NOTE_S, most_likely
from sepkit_sparse_pursuit.pursuit import pursue, weights_of
from sepkit_sparse_pursuit.refinement import ToneModel, refine
from sepkit_sparse_pursuit.tones import Array, Tones

_ROUNDS = 2

_AT_ONCE = 64
"""Spectra that are worked on at once."""


@dataclass(frozen=True, eq=False)
class Voices:
    """Tones that were given to instruments.

    Attributes
    ----------
    tones : Tones
    log_likelihood : float
        Of these and of the spectra, given the dictionary: what tells dictionaries apart by how well they explain the
        spectra and how singly their instruments play lines.
    """

    tones: Tones
    log_likelihood: float


def ticks_for(spectra: int) -> int:
    """How many steps `find_voices` counts."""
    return (1 + _ROUNDS) * -(-spectra // _AT_ONCE)


def find_voices(
    model: ToneModel, Y: Array, dictionary: Array, hop_s: float, *, most_tones: int, ticks: Iterator[int]
) -> Voices:
    """The tones of successive spectra, each of the instrument whose line it belongs to.

    Parameters
    ----------
    model : ToneModel
    Y : ndarray [shape=(spectra, bins)]
        Magnitudes.
    dictionary : ndarray [shape=(instruments, harmonics)]
    hop_s : float
        Seconds between spectra.
    most_tones : int
        At most so many tones of one instrument in each spectrum.
    ticks : iterator of int
        Asked for its next `ticks_for` values as work goes on.

    Returns
    -------
    voices : Voices
    """
    found = []
    for block in _blocks(len(Y)):
        next(ticks)
        found.append(pursue(model, Y[block], dictionary[np.newaxis], most_tones=most_tones).tones)
    tones = Tones.concatenated(found)
    return follow_voices(model, Y, tones, dictionary, hop_s, most_tones=most_tones, ticks=ticks)


def follow_voices(
    model: ToneModel, Y: Array, tones: Tones, dictionary: Array, hop_s: float, *, most_tones: int, ticks: Iterator[int]
) -> Voices:
    """Give tones that were found in every spectrum by itself to the instruments whose lines they go on.

    They are as many as before, and refined once more; parameters are those of `find_voices`.
    """
    # What a model of tones misses it misses in the same way for a whole note.
    independent = min(1.0, hop_s / NOTE_S) * model.axis.bins / (2 * np.sqrt(np.pi) * model.width)
    log_likelihood = -np.inf
    places = tones.amplitude.shape[1]
    shape = (len(Y), assignments(places, len(dictionary)))
    for _ in range(_ROUNDS):
        candidates = Tones.room((*shape, places), tones.amplitude.dtype)
        emission = large.empty(shape, np.float64)
        for block in _blocks(len(Y)):
            next(ticks)
            part, loss = _assigned(model, Y[block], tones[block], dictionary, most_tones)
            candidates.put(block, part)
            emission[block] = -independent / 2 * np.log(loss)
        path, log_likelihood = most_likely(model.axis, tones, candidates, emission, hop_s)
        tones = candidates[np.arange(len(path)), path]
    return Voices(tones, log_likelihood)


def assignments(tones: int, instruments: int) -> int:
    """How many there are of `exchanges`."""
    return 1 + comb(tones, 2) + tones * instruments


def exchanges(tones: Tones, instruments: int, most_tones: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Assignments of tones to instruments: as it is, and after two tones changed places or one went elsewhere.

    Returns
    -------
    instrument : ndarray of int [shape=(spectra, assignments, tones)]
    allowed : ndarray of bool [shape=(spectra, assignments)]
        Whether it is another assignment, in which no instrument has too many tones.
    """
    now, sounding = tones.instrument, tones.amplitude > 0
    room = tones.count(instruments) < most_tones
    assigned, allowed = [now], [np.ones(len(now), np.bool_)]
    for one, other in combinations(range(now.shape[1]), 2):
        order = np.arange(now.shape[1])
        order[[one, other]] = other, one
        assigned.append(now[:, order])
        allowed.append(sounding[:, one] & sounding[:, other] & (now[:, one] != now[:, other]))
    for place in range(now.shape[1]):
        for instrument in range(instruments):
            moved = now.copy()
            moved[:, place] = instrument
            assigned.append(moved)
            allowed.append(sounding[:, place] & room[:, instrument] & (now[:, place] != instrument))
    return np.stack(assigned, axis=1), np.stack(allowed, axis=1)


def _assigned(
    model: ToneModel, Y: Array, tones: Tones, dictionary: Array, most_tones: int
) -> tuple[Tones, NDArray[np.float64]]:
    """Assignments, each refined [shape=(spectra, assignments, tones)], and their losses, infinite if not allowed."""
    instrument, allowed = exchanges(tones, len(dictionary), most_tones)
    spectrum, assignment = np.nonzero(allowed)
    every = replace(tones[spectrum], instrument=instrument[spectrum, assignment])
    weights = weights_of(dictionary[np.newaxis], np.zeros(len(spectrum), np.intp), every)
    refined, loss = refine(model, model.lifted(Y[spectrum]), every, weights)
    # In spectra that are explained to the last digit, all explanations are as good.
    losses = np.full(allowed.shape, np.inf)
    losses[spectrum, assignment] = np.maximum(loss, np.finfo(np.float32).tiny)
    filled = tones[np.broadcast_to(np.arange(len(Y))[:, np.newaxis], allowed.shape)]
    for field in fields(refined):
        getattr(filled, field.name)[spectrum, assignment] = getattr(refined, field.name)
    return filled, losses


def _blocks(spectra: int) -> list[slice]:
    return [slice(first, min(first + _AT_ONCE, spectra)) for first in range(0, spectra, _AT_ONCE)]
