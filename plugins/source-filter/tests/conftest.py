"""A choir of vowels: harmonics with vibrato through formants that change, and breath."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit

RATE = 16000
VOWELS = np.array([[700.0, 1100, 2600, 3500], [300, 870, 2250, 3300], [400, 2000, 2550, 3400], [500, 1500, 2500, 3500]])
"""Formants in Hz."""
WIDTHS = np.array([90.0, 110, 170, 250])


class Choir:
    """Voices with notes of their own.

    Parameters
    ----------
    midi : sequence of tuple of float
        The notes of every voice, equally long.
    duration_s : float
    seed : int
    """

    def __init__(self, midi: list[tuple[float, ...]], duration_s: float = 4.0, seed: int = 0, rate: int = RATE) -> None:
        rng = np.random.default_rng(seed)
        self.names = tuple(f"voice {index}" for index in range(len(midi)))
        self.rate = rate
        time_s = np.arange(round(duration_s * rate)) / rate
        self.times_s = time_s[:: rate // 100]
        self.f0_hz, self.stems = {}, {}
        for name, notes in zip(self.names, midi, strict=True):
            pitch = np.array(notes)[np.minimum((time_s / duration_s * len(notes)).astype(int), len(notes) - 1)]
            pitch = pitch + 0.35 * np.sin(2 * np.pi * rng.uniform(5, 6.5) * time_s + rng.uniform(0, 6))
            f0_hz = 440 * 2 ** ((pitch - 69) / 12)
            self.f0_hz[name] = f0_hz[:: rate // 100]
            self.stems[name] = self._sung(f0_hz, time_s, rng)

    def _sung(
        self, f0_hz: NDArray[np.float64], time_s: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        phase = 2 * np.pi * np.cumsum(f0_hz) / self.rate
        order = rng.permutation(len(VOWELS))[:3]
        place = time_s / time_s[-1] * 2
        part = (place % 1)[:, np.newaxis]
        low = np.minimum(place.astype(int), 1)
        formants = (1 - part) * VOWELS[order][low] + part * VOWELS[order][low + 1]
        sung = np.zeros(len(time_s))
        for number in range(1, int(0.45 * self.rate / f0_hz.max())):
            frequency = (number * f0_hz)[:, np.newaxis]
            response = 1 / np.sqrt(((frequency / formants) ** 2 - 1) ** 2 + (frequency * WIDTHS / formants**2) ** 2)
            sung += response.prod(axis=1) ** 0.5 / number * np.sin(number * phase)
        sung += 0.01 * sung.std() * rng.standard_normal(len(sung))
        return (0.1 * sung / sung.std()).astype(np.float32)

    @property
    def mixture(self) -> sepkit.Audio:
        """Of all voices."""
        return sepkit.Audio.mono(sum(self.stems.values()), self.rate)

    def tracks(self, off_hz: float = 0.0) -> dict[str, sepkit.F0Track]:
        """True F0, or F0 that is off."""
        return {name: sepkit.F0Track(self.times_s, f0_hz + off_hz) for name, f0_hz in self.f0_hz.items()}

    def si_sdr(self, stems: dict[str, sepkit.Audio] | sepkit.Separation) -> float:
        """Mean over the voices, in dB."""
        return float(np.mean([si_sdr(stems[name].samples[0], stem) for name, stem in self.stems.items()]))


def si_sdr(estimate: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Scale-invariant ratio of signal to distortion, in dB."""
    estimate, truth = estimate.astype(float), truth.astype(float)
    target = (estimate @ truth) / (truth @ truth) * truth
    return float(10 * np.log10((target @ target) / np.sum((estimate - target) ** 2)))


@pytest.fixture(scope="session")
def sing() -> type[Choir]:
    """Makes choirs."""
    return Choir


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark checks that separate minutes of sound."""
    for item in items:
        if item.path.parent == Path(__file__).parent and "memory-does-not-grow" in item.name:
            item.add_marker(pytest.mark.slow)
