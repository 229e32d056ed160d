"""What no note explains: how much that is, and whose it is likely to be.

Noise of bows and breath, and what rings on after its note has ended in the score, lies where no atom may have anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.problem.run import Run
from sepkit_nmf.config import Unexplained

Array: TypeAlias = NDArray[np.floating]

MOST_SHARED = 0.1
"""Share of the energy.

Of 18 recordings whose score had all that sounds 17 left up to 0.046, one rendered chorale 0.13. Without one of its
parts the score left more than 0.1 in 33 cases of 52, and one with percussion 0.43.
"""

_DECAY_DB_S = 80.0
"""What rings on falls by so much in a second: what sounded last has most of it."""
_LEAST = 1e-30
_SHARED = 1e-2
"""What is shared beside what is explained: nothing that counts, and all where nothing else is."""
_FLAT = 1e-3
"""Of the mean of a source's model in a frame: at frequencies where its notes have nothing either."""


def shares_unexplained(choice: Unexplained, V: Array, magnitudes: Callable[[slice], Array], run: Run) -> bool:
    """Whether the sources get what no note explains; a remark says so where that could be expected and is not done.

    Parameters
    ----------
    choice : {"auto", "residual", "share"}
        With ``auto`` they do if it is less than a tenth of the energy: then the score has all that sounds.
    V : ndarray [shape=(bins, frames)]
    magnitudes : callable
        Gives for a slice of frames the model of every source [shape=(sources, bins, frames)].
    run : Run
    """
    if choice != "auto":
        return choice == "share"
    left = unexplained_energy(V, magnitudes)
    if left > MOST_SHARED:
        run.remark(
            f"{left:.0%} of the energy lies where no note has a partial, and stays in the residual; if the score "
            "has all that sounds, unexplained=share gives it to the parts"
        )
    return left <= MOST_SHARED


def unexplained_energy(V: Array, magnitudes: Callable[[slice], Array]) -> float:
    """The part of the energy that lies where the model has nothing, from 0 to 1; parameters as above."""
    total = unexplained = 0.0
    for span in large.spans(V.shape[1], rows=4 * len(V)):
        energy = np.square(V[:, span])
        total += float(energy.sum(dtype=np.float64))
        unexplained += float(energy[~magnitudes(span).any(axis=0)].sum(dtype=np.float64))
    return unexplained / total if total > 0 else 0.0


def ringing_on(H: Array, hop_s: float) -> Array:
    """Activations that do not end at once.

    Parameters
    ----------
    H : ndarray [shape=(atoms, frames)]
    hop_s : float
        From one frame to the next, in seconds.

    Returns
    -------
    H : ndarray [shape=(atoms, frames)]
        Nowhere less than those given.
    """
    decay = H.dtype.type(10 ** (-_DECAY_DB_S * hop_s / 20))
    ringing: Array = large.empty(H.shape, H.dtype)
    last = np.zeros(len(H), H.dtype)
    for span in large.spans(H.shape[1], rows=len(H)):
        frames = H[:, span].T.copy()
        for frame in frames:
            np.maximum(frame, decay * last, out=frame)
            frame[frame < _LEAST] = 0
            last = frame
        ringing[:, span] = frames.T
    return ringing


def shared_beside(ringing: Array) -> Array:
    """What is added to the model of every source so that all sources together leave nothing unexplained.

    Parameters
    ----------
    ringing : ndarray [shape=(sources, bins, frames)]
        The model of every source from activations that ring on.
    """
    shared: Array = ringing + ringing.dtype.type(_FLAT) * ringing.mean(axis=1, keepdims=True)
    shared *= ringing.dtype.type(_SHARED)
    return shared
