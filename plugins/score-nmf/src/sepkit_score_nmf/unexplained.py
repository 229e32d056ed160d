"""What no note explains: how much that is, and whose it is likely to be.

Noise of bows and breath, and what rings on after its note has ended in the score, lies where no atom may have anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit_nmf import source_magnitudes
from sepkit_nmf.factorization import Factorization

MOST_SHARED = 0.1
"""Share of the energy. Recordings of what is in the score alone left up to 0.083, one with percussion 0.43."""

_DECAY_DB_S = 80.0
"""What rings on falls by so much in a second: what sounded last has most of it."""
_LEAST = 1e-30
_SHARED = 1e-2
"""What is shared beside what is explained: nothing that counts, and all where nothing else is."""
_FLAT = 1e-3
"""Of the mean of a source's model in a frame: at frequencies where its notes have nothing either."""


def unexplained_energy(V: NDArray[np.floating], fit: Factorization, members: Mapping[str, NDArray[np.intp]]) -> float:
    """The part of the energy that lies where the model has nothing, from 0 to 1.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    fit : Factorization
    members : mapping of str to ndarray
        The atoms of every source.
    """
    total = unexplained = 0.0
    for span in large.spans(V.shape[1], rows=len(members) * len(V)):
        energy = np.square(V[:, span])
        total += float(energy.sum(dtype=np.float64))
        unexplained += float(energy[(source_magnitudes(fit, members, span) == 0).all(axis=0)].sum(dtype=np.float64))
    return unexplained / total if total > 0 else 0.0


def ringing_on(fit: Factorization, hop_s: float) -> Factorization:
    """The same with activations that do not end at once.

    Parameters
    ----------
    fit : Factorization
    hop_s : float
        From one frame to the next, in seconds.
    """
    decay = np.float32(10 ** (-_DECAY_DB_S * hop_s / 20))
    ringing = large.empty(fit.H.shape, fit.H.dtype)
    last = np.zeros(len(fit.H), fit.H.dtype)
    for span in large.spans(fit.H.shape[1], rows=len(fit.H)):
        frames = np.ascontiguousarray(fit.H[:, span].T)
        for frame in frames:
            np.maximum(frame, decay * last, out=frame)
            frame[frame < _LEAST] = 0
            last = frame
        ringing[:, span] = frames.T
    return replace(fit, H=ringing)


def shared_magnitudes(
    ringing: Factorization, members: Mapping[str, NDArray[np.intp]], block: slice
) -> NDArray[np.floating]:
    """What every source has beside its model in a block of frames [shape=(sources, bins, frames)]."""
    magnitudes: NDArray[np.floating] = source_magnitudes(ringing, members, block)
    magnitudes += _FLAT * magnitudes.mean(axis=1, keepdims=True)
    magnitudes *= _SHARED
    return magnitudes
