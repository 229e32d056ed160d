"""Toy waveforms: periodic sounds with everything known about them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from sepkit.evaluation.dataset import Dataset, Track
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track

Wave = Literal["sine", "square", "saw", "triangle"]
WAVES: tuple[Wave, ...] = ("sine", "square", "saw", "triangle")
"""In the order by which their random numbers are told apart."""

HIGHEST_KEY = 64.9
"""Of a piano's keys, the highest that is drawn; the lowest is 0.1."""


class ToyWaveforms(Dataset):
    """Mixtures of one sine, square, saw and triangle wave each: the toy data of Frank and Ilse (2020).

    Every wave has a whole number of samples as its period, from a pitch that is drawn evenly from the keys 0.1 to 64.9
    of a piano (26 to 1102 Hz); a phase of a whole number of samples; and an amplitude from 0.8 to 1, divided by the
    number of sources. So the mixture, which is the sum of its stems, is the mean of waves as in the paper.

    The wave of a track depends on seed, track and kind alone: a dataset of more tracks begins with the same ones.
    """

    count: int = Field(default=100, ge=1)
    """Number of tracks."""
    sources: Annotated[tuple[Wave, ...], Field(min_length=1)] = WAVES
    """Kinds of waves in every mixture."""
    duration_s: float = Field(default=1.0, gt=0, le=3600)
    """Length of a track in seconds."""
    sample_rate: int = Field(default=14700, ge=4000, le=384_000)
    """In Hz."""
    seed: int = Field(default=0, ge=0)
    """Another seed gives other tracks."""

    @field_validator("sources")
    @classmethod
    def _distinct(cls, sources: tuple[Wave, ...]) -> tuple[Wave, ...]:
        if len(set(sources)) < len(sources):
            raise ValueError("names need to be distinct")
        return sources

    def tracks(self) -> Iterator[Track]:
        """Yield the tracks; they are made when they are loaded."""
        for item in range(self.count):
            yield Track(
                name=f"{item:05d}",
                stems={source: partial(self.stem, item, source) for source in self.sources},
                f0={source: partial(self.f0, item, source) for source in self.sources},
            )

    def stem(self, item: int, source: Wave) -> Audio:
        """The wave of one kind in track number `item`."""
        period, phase, amplitude = self._drawn(item, source)
        cycle = amplitude / len(self.sources) * one_cycle(source, period)
        samples = np.arange(self._length) + phase
        return Audio(cycle[samples % period][np.newaxis].astype(np.float32), self.sample_rate)

    def f0(self, item: int, source: Wave) -> F0Track:
        """Its fundamental frequency, every 10 ms."""
        period, _, _ = self._drawn(item, source)
        times_s = np.arange(0, self._length / self.sample_rate, 0.01)
        return F0Track(times_s, np.full(len(times_s), self.sample_rate / period))

    @property
    def _length(self) -> int:
        return max(1, round(self.duration_s * self.sample_rate))

    def _drawn(self, item: int, source: Wave) -> tuple[int, int, float]:
        """Period and phase in samples, and amplitude."""
        rng = np.random.default_rng([self.seed, item, WAVES.index(source)])
        key = rng.integers(1, round(HIGHEST_KEY * 10), endpoint=True) / 10
        period = int(self.sample_rate // (440 * 2 ** ((key - 49) / 12)))
        return period, int(rng.integers(period)), rng.uniform(0.8, 1.0)


def one_cycle(source: Wave, period: int) -> NDArray[np.float64]:
    """One period of a wave from -1 to 1 [shape=(period,)]."""
    from scipy.signal import sawtooth, square

    angle = 2 * np.pi * np.arange(period) / period
    cycle: NDArray[np.float64] = {
        "sine": np.sin,
        "square": square,
        "saw": sawtooth,
        "triangle": partial(sawtooth, width=0.5),
    }[source](angle)
    return cycle
