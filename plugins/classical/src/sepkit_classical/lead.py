"""A lead voice whose F0 is known, over an accompaniment of low rank: the source-filter model of Durrieu and others.

The voice is a comb of partials times a filter, which is a mixture of a few filters made of smooth bands; where it is
unvoiced, noise takes the place of the comb. The accompaniment is a nonnegative matrix factorisation. Both are fitted to
the mixture together.

References
----------
Durrieu, Richard, David and Févotte, "Source/filter model for unsupervised main melody extraction from polyphonic audio
signals", IEEE TASLP 18(3), 2010.
Durrieu, David and Richard, "A musically motivated mid-level representation for pitch estimation and musical audio
source separation", IEEE JSTSP 5(6), 2011.
Févotte and Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence", 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sepkit.informed.bands import smooth_bands

Array = NDArray[np.floating]

_BANDS = 30
_FLOOR = 1e-6
"""Of the model, beside a spectrogram whose mean is 1."""
_TINY = 1e-9


@dataclass(eq=False)
class LeadModel:
    """Voice and accompaniment of a spectrogram whose mean is near 1.

    Attributes
    ----------
    comb : ndarray [shape=(bins, frames)]
        Partials of the voice, zero where it is unvoiced.
    noise : float
        Level of the unvoiced voice beside a partial.
    bands : ndarray [shape=(bins, bands)]
    filters : ndarray [shape=(bands, filters)]
    voiced, unvoiced : ndarray [shape=(filters, frames)]
        How much of every filter sounds.
    W : ndarray [shape=(bins, rank)]
        Templates of the accompaniment.
    H : ndarray [shape=(rank, frames)]
    """

    comb: Array
    noise: float
    bands: Array
    filters: Array
    voiced: Array
    unvoiced: Array
    W: Array
    H: Array

    @classmethod
    def drawn(
        cls, comb: Array, bins_hz: Array, *, rank: int, filters: int, noise: float, rng: np.random.Generator
    ) -> LeadModel:
        """A random start."""
        bins, frames = comb.shape

        def positive(*shape: int) -> Array:
            return rng.uniform(0.5, 1.5, shape).astype(np.float32)

        return cls(
            comb,
            noise,
            smooth_bands(bins_hz, _BANDS),
            positive(_BANDS, filters) / filters,
            positive(filters, frames),
            np.float32(0.1) * positive(filters, frames),
            positive(bins, rank),
            positive(rank, frames) / rank,
        )

    @property
    def voice(self) -> Array:
        """Magnitudes of the voice [shape=(bins, frames)]."""
        filters = self.bands @ self.filters
        voice = self.comb * (filters @ self.voiced)
        if self.noise:
            voice += np.float32(self.noise) * (filters @ self.unvoiced)
        return voice

    @property
    def accompaniment(self) -> Array:
        """Magnitudes of all else [shape=(bins, frames)]."""
        return self.W @ self.H

    def update(self, V: Array) -> None:
        """One multiplicative update of everything, which never raises the Kullback-Leibler divergence."""
        filters = self.bands @ self.filters
        ratio = self._ratio(V, self.voice + self.accompaniment)
        self.voiced *= (filters.T @ (self.comb * ratio)) / (filters.T @ self.comb + _TINY)
        if self.noise:
            self.unvoiced *= (filters.T @ ratio) / (filters.sum(axis=0)[:, np.newaxis] + _TINY)
        self.H *= (self.W.T @ ratio) / (self.W.sum(axis=0)[:, np.newaxis] + _TINY)
        ratio = self._ratio(V, self.voice + self.accompaniment)
        wanted = self.bands.T @ (self.comb * ratio) @ self.voiced.T
        there = self.bands.T @ self.comb @ self.voiced.T
        if self.noise:
            wanted += np.float32(self.noise) * (self.bands.T @ ratio @ self.unvoiced.T)
            there += np.float32(self.noise) * np.outer(self.bands.sum(axis=0), self.unvoiced.sum(axis=1))
        self.filters *= wanted / (there + _TINY)
        self.W *= (ratio @ self.H.T) / (self.H.sum(axis=1) + _TINY)
        scale = self.W.mean(axis=0) + np.float32(_TINY)
        self.W /= scale
        self.H *= scale[:, np.newaxis]

    @staticmethod
    def _ratio(V: Array, model: Array) -> Array:
        return np.asarray(V / (model + np.float32(_FLOOR)))
