"""Which instrument of a learned dictionary has which name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from sepkit_sparse_pursuit.tones import Array, Tones


def instruments_of_names(
    names: Sequence[str], dictionary: Array, loudness: Array, known: Mapping[str, Array]
) -> NDArray[np.intp]:
    """The instrument of every name: what is most like the examples as a whole, and then the loudest first.

    Parameters
    ----------
    names : sequence of str
        As many as there are instruments.
    dictionary : ndarray [shape=(instruments, harmonics)]
    loudness : ndarray [shape=(instruments,)]
    known : mapping of str to ndarray [shape=(harmonics,)]
        Harmonics of some of the names, learned from examples.

    Returns
    -------
    instruments : ndarray of int [shape=(names,)]
    """
    given = [name for name in names if name in known]
    examples = np.array([known[name] for name in given]).reshape(len(given), dictionary.shape[1])
    likeness = _normalized(examples) @ _normalized(dictionary).T
    named = dict(zip(given, scipy.optimize.linear_sum_assignment(-likeness)[1].tolist(), strict=True))
    others = iter(index for index in np.argsort(-loudness, kind="stable").tolist() if index not in named.values())
    return np.array([named[name] if name in named else next(others) for name in names], np.intp)


def loudness_of(tones: Tones, dictionary: Array) -> Array:
    """How much of every instrument is heard [shape=(instruments,)]."""
    amplitudes = np.array([tones.amplitude[tones.instrument == index].sum() for index in range(len(dictionary))])
    return np.asarray(amplitudes * np.linalg.norm(dictionary, axis=1))


def _normalized(dictionary: Array) -> Array:
    norm = np.linalg.norm(dictionary, axis=1, keepdims=True)
    return np.asarray(dictionary / np.maximum(norm, np.finfo(dictionary.dtype).tiny))
