"""What the network gets of a recording: its spectrum, the F0 of every voice, and the phases that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.informed.f0_tracking import mean_magnitude
from sepkit.music.audio import Audio
from sepkit.spectral import STFT
from sepkit_source_filter.config import HEARD_HZ

RATE = round(2 * HEARD_HZ)
"""In Hz, of all that the network hears and its models say."""
WINDOW, HOP = 512, 256
BINS = WINDOW // 2 + 1
PARTIALS = 40
"""Of every voice, as far as they lie below 8 kHz."""
FINE_WINDOW = 2048
"""For partials one by one."""
_AUDIBLE = 1e-3
"""Beside an amplitude of 1: what is softer is not heard."""


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording, in frames of 16 ms whose centres are multiples of the hop; or several of one length.

    Attributes
    ----------
    samples : Tensor [shape=(..., channels, samples)]
        At 16 kHz, with a root mean square of 1; as many hops as there are frames, less one.
    spectrum : Tensor [shape=(..., frames, bins)]
        Logarithms of the amplitudes of partials, in the root mean square of the channels.
    f0_hz : Tensor [shape=(..., voices, frames)]
        0 where unvoiced.
    held_hz : Tensor [shape=(..., voices, frames)]
        The same, going on where unvoiced.
    partials : Tensor [shape=(..., voices, frames, partials)]
        Logarithms of the amplitudes that the mixture has there.
    phases : Tensor [shape=(..., voices, frames)]
        Of the first partials, in radians from 0 to 2 pi.
    level : float
        The root mean square that the recording had.
    """

    samples: Tensor
    spectrum: Tensor
    f0_hz: Tensor
    held_hz: Tensor
    phases: Tensor
    partials: Tensor
    level: float

    @classmethod
    def of(cls, mixture: Audio, times_s: NDArray[np.floating], f0_hz: NDArray[np.floating]) -> Heard:
        """A recording with F0 [shape=(voices, points)], NaN where unvoiced, at some times [shape=(points,)]."""
        samples = mixture.resample(RATE).samples
        frames = -(-samples.shape[-1] // HOP) + 1
        level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) or 1.0
        samples = np.pad(samples, ((0, 0), (0, (frames - 1) * HOP - samples.shape[-1]))) / np.float32(level)
        at_s = np.arange(frames) * (HOP / RATE)
        held_hz = np.stack([_held(times_s, one, at_s) for one in f0_hz])
        nearest = np.searchsorted((times_s[:-1] + times_s[1:]) / 2, at_s)
        voiced_hz = np.where(np.isfinite(f0_hz[:, nearest]), held_hz, 0)
        fine = _log_amplitudes(samples, FINE_WINDOW, frames)
        return cls(
            samples=torch.from_numpy(samples),
            spectrum=torch.from_numpy(_log_amplitudes(samples, WINDOW, frames)),
            f0_hz=torch.from_numpy(voiced_hz).float(),
            held_hz=torch.from_numpy(held_hz).float(),
            phases=torch.from_numpy(_phases(held_hz)).float(),
            partials=torch.from_numpy(np.stack([_at_partials(fine, one) for one in voiced_hz])),
            level=level,
        )

    @property
    def frames(self) -> int:
        """Number of them."""
        return self.spectrum.shape[-2]

    def crop(self, first: int, frames: int) -> Heard:
        """Some of the frames, or as many as there are."""
        inside = slice(first, first + frames)
        return replace(
            self,
            samples=self.samples[..., first * HOP : (min(first + frames, self.frames) - 1) * HOP],
            spectrum=self.spectrum[..., inside, :],
            partials=self.partials[..., inside, :],
            **{name: getattr(self, name)[..., inside] for name in ("f0_hz", "held_hz", "phases")},
        )

    @classmethod
    def stacked(cls, crops: list[Heard], device: torch.device) -> Heard:
        """Crops of one recording as a batch."""
        stacks: dict[str, Any] = {
            field.name: torch.stack([getattr(crop, field.name) for crop in crops]).to(device)
            for field in fields(cls)
            if field.name != "level"
        }
        return cls(**stacks, level=crops[0].level)


def _held(
    times_s: NDArray[np.floating], f0_hz: NDArray[np.floating], wanted_s: NDArray[np.floating]
) -> NDArray[np.float64]:
    """F0 at some times, interpolated between voiced points; 0 where there are none."""
    voiced = np.isfinite(f0_hz)
    return np.interp(wanted_s, times_s[voiced], f0_hz[voiced]) if voiced.any() else np.zeros(len(wanted_s))


def _phases(f0_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrals over F0, linear between frames: in double precision, for in single minutes lose high partials."""
    cycles = np.cumsum((f0_hz[:, 1:] + f0_hz[:, :-1]) / 2 * (HOP / RATE), axis=1)
    return np.asarray(2 * np.pi * np.pad(cycles % 1, ((0, 0), (1, 0))))


def _log_amplitudes(samples: NDArray[np.float32], window: int, frames: int) -> NDArray[np.float32]:
    """Of partials, in the root mean square of the channels [shape=(frames, bins)]."""
    stft = STFT(window, HOP)
    inside = stft.frames_s(samples.shape[-1], RATE) >= 0
    # A partial of amplitude 1 has the magnitude of half the window's sum.
    amplitudes = mean_magnitude(stft, samples)[inside][:frames] / np.float32(window / 4)
    return np.asarray(np.log(amplitudes + np.float32(_AUDIBLE)))


def _at_partials(log_amplitudes: NDArray[np.float32], f0_hz: NDArray[np.float64]) -> NDArray[np.float32]:
    """What lies at the partials of one voice [shape=(frames, partials)]; inaudible where there are none."""
    bins = log_amplitudes.shape[1]
    place = f0_hz[:, np.newaxis] * (np.arange(1, PARTIALS + 1) * (2 * (bins - 1) / RATE))
    below = np.clip(place.astype(np.intp), 0, bins - 2)
    rows, part = np.arange(len(f0_hz))[:, np.newaxis], (place - below).astype(np.float32)
    there = (1 - part) * log_amplitudes[rows, below] + part * log_amplitudes[rows, below + 1]
    return np.where((place > 0) & (place < bins - 1), there, np.float32(np.log(_AUDIBLE)))
