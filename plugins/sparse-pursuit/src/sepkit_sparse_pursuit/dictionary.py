"""Learning a dictionary: how loud the harmonics of each instrument are, from the spectra of a mixture alone.

References
----------
Schulze and King, "Sparse pursuit and dictionary learning for blind source separation in polyphonic music recordings",
EURASIP Journal on Audio, Speech, and Music Processing, 2021.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sepkit_sparse_pursuit.pursuit import Found, pursue, weights_of
from sepkit_sparse_pursuit.refinement import ToneModel
from sepkit_sparse_pursuit.tones import Array, Tones, patterns

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_PARETO = 0.5


def random_instruments(shape: tuple[int, ...], harmonics: int, rng: np.random.Generator) -> Array:
    """Instruments to start from: u_h h^(-e), e of a Pareto distribution, u_h uniform; the loudest harmonic is 1.

    Returns
    -------
    dictionary : ndarray [shape=(*shape, harmonics)]
    """
    h = np.arange(1, harmonics + 1)
    # Exponents of hundreds, of which there are some, mean the fundamental alone as those of 20 do.
    decay = np.minimum(rng.pareto(_PARETO, (*shape, 1)), 20)
    dictionary = rng.uniform(size=(*shape, harmonics)) * h**-decay
    return np.asarray(dictionary / dictionary.max(axis=-1, keepdims=True))


@dataclass(eq=False)
class BlockAdam:
    """Adam with one second moment for all harmonics of an instrument, which keeps the shape of the gradient.

    Parameters
    ----------
    dictionary : ndarray [shape=(..., instruments, harmonics)]
        Changed in place, within 0 and 1.
    learning_rate : float
    """

    dictionary: Array
    learning_rate: float

    def __post_init__(self) -> None:
        self._first = np.zeros_like(self.dictionary)
        self._second = np.zeros(self.dictionary.shape[:-1], self.dictionary.dtype)
        self.age = np.zeros(self.dictionary.shape[:-1], np.intp)

    def step(self, gradient: Array) -> None:
        """Go one step against `gradient` [shape=(..., instruments, harmonics)]."""
        self.age += 1
        self._first += (1 - _BETA1) * (gradient - self._first)
        self._second += (1 - _BETA2) * ((gradient**2).mean(axis=-1) - self._second)
        first = self._first / (1 - _BETA1**self.age)[..., np.newaxis]
        second = (self._second / (1 - _BETA2**self.age))[..., np.newaxis]
        self.dictionary -= (self.learning_rate * first / (np.sqrt(second) + _EPSILON)).astype(self.dictionary.dtype)
        np.clip(self.dictionary, 0, 1, out=self.dictionary)

    def replace(self, which: NDArray[np.bool_], instruments: Array) -> None:
        """Put new instruments in place of some, and forget what was known of those.

        Parameters
        ----------
        which : ndarray of bool [shape=(..., instruments)]
        instruments : ndarray [shape=(number of those, harmonics)]
        """
        self.dictionary[which] = instruments
        for state in (self._first, self._second, self.age):
            state[which] = 0


def dictionary_gradient(model: ToneModel, Y: Array, tones: Tones, dictionary: Array, start: NDArray[np.intp]) -> Array:
    """Derivative of the lifted loss with respect to the dictionaries, summed over the spectra of each start.

    Parameters
    ----------
    model : ToneModel
    Y : ndarray [shape=(spectra, bins)]
    tones : Tones
        What was found in them.
    dictionary : ndarray [shape=(starts, instruments, harmonics)]
    start : ndarray of int [shape=(spectra,)]

    Returns
    -------
    gradient : ndarray [shape=(starts, instruments, harmonics)]
    """
    weights = weights_of(dictionary, start, tones)
    partials = model.partials(tones, dictionary.shape[-1])
    amplitude = tones.amplitude[..., np.newaxis]
    fitted = model.lifted((amplitude * patterns(partials, weights)).sum(axis=1))
    by_bin = (fitted - model.lifted(Y)) * model.lift_slopes(fitted)
    by_tone = amplitude * (partials.gathered(by_bin) * partials.height).sum(axis=-1)
    gradient = np.zeros_like(dictionary)
    np.add.at(gradient, (start[:, np.newaxis], tones.instrument), by_tone)
    return gradient


@dataclass(frozen=True, eq=False)
class Learning:
    """How dictionaries are learned, from several random starts at once.

    Parameters
    ----------
    model : ToneModel
    Y : ndarray [shape=(spectra, bins)]
        Magnitudes.
    heard : ndarray of int
        The spectra that teach something.
    instruments : int
        c. While it grows, a dictionary has twice as many.
    harmonics : int
    batch : int
        Random spectra for each start and step.
    most_tones : int
        Of each instrument in each spectrum.
    learning_rate : float
    """

    model: ToneModel
    Y: Array
    heard: NDArray[np.intp]
    instruments: int
    harmonics: int
    batch: int
    most_tones: int
    learning_rate: float

    def grow(self, rngs: list[np.random.Generator], steps: Iterable[int], prune_every: int) -> tuple[Array, Array]:
        """Learn twice as many instruments as are wanted, and let those that sound least give way to new ones.

        Parameters
        ----------
        rngs : list of Generator
            One for each start.
        steps : iterable of int
            At least `prune_every`.
        prune_every : int
            Steps after which c instruments give way.

        Returns
        -------
        dictionary : ndarray [shape=(starts, instruments, harmonics)]
            Those that outlived the last pruning.
        losses : ndarray [shape=(steps, starts)]
            Mean of the lifted loss over the spectra of each step.
        """
        shape = (2 * self.instruments,)
        dictionary = np.stack([random_instruments(shape, self.harmonics, rng) for rng in rngs]).astype(self.Y.dtype)
        adam = BlockAdam(dictionary, self.learning_rate)
        sounded = np.zeros(dictionary.shape[:2])
        losses = []
        for step in steps:
            found, start = self._descend(adam, rngs, self.batch)
            losses.append(found.loss.reshape(len(rngs), -1).mean(axis=1))
            np.add.at(sounded, (start[:, np.newaxis], found.tones.instrument), found.tones.amplitude)
            if (step + 1) % prune_every == 0:
                pruned = self._least_sounding(sounded / (adam.age - prune_every / 2))
                new = [random_instruments((self.instruments,), self.harmonics, rng) for rng in rngs]
                adam.replace(pruned, np.concatenate(new).astype(self.Y.dtype))
                sounded[pruned] = 0
        old = adam.age >= prune_every
        return dictionary[old].reshape(len(rngs), self.instruments, -1), np.array(losses)

    def settle(self, dictionary: Array, rngs: list[np.random.Generator], steps: Iterable[int], total: int) -> Array:
        """Go on with these instruments alone, in steps that become ten times smaller [shape as `dictionary`].

        It lets the instruments share what those that went had explained.
        """
        dictionary = dictionary.copy()
        adam = BlockAdam(dictionary, self.learning_rate)
        for step in steps:
            adam.learning_rate = self.learning_rate * (1 - 0.9 * step / total)
            self._descend(adam, rngs, 2 * self.batch)
        return dictionary

    def _descend(self, adam: BlockAdam, rngs: list[np.random.Generator], batch: int) -> tuple[Found, NDArray[np.intp]]:
        """One step of all starts; what was found, and the start of each spectrum."""
        start = np.repeat(np.arange(len(rngs)), batch)
        spectra = self.Y[self.heard[np.concatenate([rng.integers(len(self.heard), size=batch) for rng in rngs])]]
        found = pursue(self.model, spectra, adam.dictionary, most_tones=self.most_tones, start=start)
        adam.step(dictionary_gradient(self.model, spectra, found.tones, adam.dictionary, start))
        return found, start

    def _least_sounding(self, rate: Array) -> NDArray[np.bool_]:
        """The c instruments of each start that sounded least, for their age [shape=(starts, 2c)]."""
        rank = np.argsort(np.argsort(rate, axis=1, kind="stable"), axis=1)
        return np.asarray(rank < self.instruments)
