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

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sepkit.informed.bands import smooth_bands

Array = NDArray[np.floating]

_BANDS = 30
_FLOOR = 1e-6
"""Of the model, beside a spectrogram whose mean is 1."""
_TINY = 1e-9
_PIECE = 64
"""Frames that are updated at a time."""


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
        """One multiplicative update of everything, which never raises the Kullback-Leibler divergence.

        Activations change first, and what is shared by all frames then. Some frames at a time stay in the processor's
        cache.
        """
        filters, heard = self.bands @ self.filters, self.bands.T @ self.comb
        gains, templates = np.zeros_like(self.filters), np.zeros_like(self.W)
        for start in range(0, V.shape[1], _PIECE):
            piece = self._piece(slice(start, start + _PIECE))
            ratio = piece._ratio(V[:, start : start + _PIECE], filters)
            sung = piece.comb * ratio
            piece.voiced *= (filters.T @ sung) / (self.filters.T @ heard[:, start : start + _PIECE] + _TINY)
            if self.noise:
                piece.unvoiced *= (filters.T @ ratio) / (filters.sum(axis=0)[:, np.newaxis] + _TINY)
            piece.H *= (self.W.T @ ratio) / (self.W.sum(axis=0)[:, np.newaxis] + _TINY)
            ratio = piece._ratio(V[:, start : start + _PIECE], filters)
            np.multiply(piece.comb, ratio, out=sung)
            gains += self.bands.T @ sung @ piece.voiced.T
            if self.noise:
                gains += np.float32(self.noise) * (self.bands.T @ ratio @ piece.unvoiced.T)
            templates += ratio @ piece.H.T
        there = heard @ self.voiced.T
        if self.noise:
            there += np.float32(self.noise) * np.outer(self.bands.sum(axis=0), self.unvoiced.sum(axis=1))
        self.filters *= gains / (there + _TINY)
        self.W *= templates / (self.H.sum(axis=1) + _TINY)
        scale = self.W.mean(axis=0) + np.float32(_TINY)
        self.W /= scale
        self.H *= scale[:, np.newaxis]

    def _piece(self, frames: slice) -> LeadModel:
        """Some frames of it; to change their activations changes those of the whole."""
        return replace(
            self,
            comb=self.comb[:, frames],
            voiced=self.voiced[:, frames],
            unvoiced=self.unvoiced[:, frames],
            H=self.H[:, frames],
        )

    def _ratio(self, V: Array, filters: Array) -> Array:
        """Of a spectrogram to the model [shape=(bins, frames)]."""
        # Laid out by frames, as spectrograms are.
        model = self.voiced.T @ filters.T
        model *= self.comb.T
        if self.noise:
            model += np.float32(self.noise) * (self.unvoiced.T @ filters.T)
        model += self.H.T @ self.W.T
        model += np.float32(_FLOOR)
        return np.divide(V.T, model, out=model).T
