"""Nonnegative source-filter model of a mixture whose F0 are known.

The spectrogram of every source is a comb of partials, which its F0 gives, times a spectral envelope. How strong each
partial of the comb is stays the same all along: what a clarinet's reed excites are odd partials at every pitch. The
envelopes of a source are mixtures of a few that it has, and these are made of smooth bands. Noise, made likewise, is
shared by all. Multiplicative updates of the Kullback-Leibler divergence fit all of this to the mixture.

References
----------
Durrieu, Richard, David and Févotte, "Source/filter model for unsupervised main melody extraction from polyphonic audio
signals", IEEE TASLP 18(3), 2010.
Févotte and Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence", 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sepkit.informed.bands import smooth_bands

Array = NDArray[np.float32]

Numbers = NDArray[np.uint8]

BANDS = 30
PARTIALS = 128
"""That differ in strength; those above are as strong as the last."""
FLOOR = 1e-6
"""Of the model, beside a spectrogram whose mean is 1."""
_TINY = 1e-9


@dataclass(eq=False)
class SourceFilterModel:
    """Envelopes of every source, and the noise that they share.

    Attributes
    ----------
    bands : ndarray [shape=(bins, bands)]
    strengths : ndarray [shape=(sources, partials)]
        Of the partials of every source, before its envelope.
    shapes : ndarray [shape=(sources + 1, bands, envelopes)]
        What envelopes each source has; the last row is that of the noise.
    gains : ndarray [shape=(sources + 1, frames, envelopes)]
        How much of each sounds.
    """

    bands: Array
    strengths: Array
    shapes: Array
    gains: Array

    @classmethod
    def drawn(
        cls, bins_hz: NDArray[np.floating], sources: int, frames: int, envelopes: int, rng: np.random.Generator
    ) -> SourceFilterModel:
        """A random start for a spectrogram with a mean of 1."""
        shapes = rng.uniform(0.5, 1.5, (sources + 1, BANDS, envelopes)) / envelopes
        gains = rng.uniform(0.5, 1.5, (sources + 1, frames, envelopes))
        gains[-1] *= 0.2
        strengths = np.ones((sources, PARTIALS), np.float32)
        return cls(smooth_bands(bins_hz, BANDS), strengths, shapes.astype(np.float32), gains.astype(np.float32))

    def envelope(self, source: int) -> Array:
        """Of one source [shape=(frames, bins)]."""
        return np.asarray(self.gains[source] @ (self.bands @ self.shapes[source]).T)

    @property
    def noise(self) -> Array:
        """[shape=(frames, bins)]."""
        return self.envelope(-1)

    def mixture(self, combs: Array) -> Array:
        """What the model gives for combs [shape=(sources, frames, bins)], with a floor [shape=(frames, bins)]."""
        total = self.noise + np.float32(FLOOR)
        for source, comb in enumerate(combs):
            total += comb * self.envelope(source)
        return total

    def update(self, X: Array, combs: Array) -> None:
        """One multiplicative update of all gains, then one of all shapes.

        Parameters
        ----------
        X : ndarray [shape=(frames, bins)]
            Magnitudes of the mixture.
        combs : ndarray [shape=(sources, frames, bins)]
        """
        whole = [comb @ self.bands for comb in combs]
        whole.append(np.broadcast_to(self.bands.sum(axis=0), whole[0].shape))
        for gains, shapes, pull, hold in self._ratios(X, combs, whole):
            gains *= (pull @ shapes) / (hold @ shapes + _TINY)
        for gains, shapes, pull, hold in self._ratios(X, combs, whole):
            shapes *= (pull.T @ gains) / (hold.T @ gains + _TINY)

    def update_strengths(self, X: Array, combs: Array, numbers: Numbers) -> None:
        """One multiplicative update of the strengths of all partials; `combs` become stronger or weaker in place.

        Only for F0 that is right: at a wrong one, missing partials would be explained by strengths.

        Parameters
        ----------
        X : ndarray [shape=(frames, bins)]
        combs : ndarray [shape=(sources, frames, bins)]
            With the strengths that there are.
        numbers : ndarray [shape=(sources, frames, bins)]
            Of the partial to which every bin belongs, from 0.
        """
        ratio = X / self.mixture(combs)
        for source, comb in enumerate(combs):
            heard, which = comb * self.envelope(source), numbers[source].ravel()
            wanted, there = (np.bincount(which, one.ravel(), PARTIALS) + _TINY for one in (heard * ratio, heard))
            change = (wanted / there).astype(np.float32)
            self.strengths[source] *= change
            comb *= np.take(change, numbers[source])

    def _ratios(self, X: Array, combs: Array, whole: list[Array]) -> list[tuple[Array, Array, Array, Array]]:
        ratio = X / self.mixture(combs)
        pulls = [(comb * ratio) @ self.bands for comb in combs] + [ratio @ self.bands]
        return list(zip(self.gains, self.shapes, pulls, whole, strict=True))


def divergence(X: Array, M: Array) -> float:
    """Mean Kullback-Leibler divergence of a model from magnitudes."""
    return float(np.mean(X * np.log((X + FLOOR) / M) - X + M, dtype=np.float64))
