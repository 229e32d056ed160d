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

RATE = 16_000
"""In Hz, of all that the network hears and its models say."""
WINDOW, HOP = 512, 256
BINS = WINDOW // 2 + 1
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
    level: float

    @classmethod
    def of(cls, mixture: Audio, times_s: NDArray[np.floating], f0_hz: NDArray[np.floating]) -> Heard:
        """A recording with F0 [shape=(voices, points)], NaN where unvoiced, at some times [shape=(points,)]."""
        samples = mixture.resample(RATE).samples
        frames = -(-samples.shape[-1] // HOP) + 1
        level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) or 1.0
        samples = np.pad(samples, ((0, 0), (0, (frames - 1) * HOP - samples.shape[-1]))) / np.float32(level)
        stft = STFT(WINDOW, HOP)
        inside = stft.frames_s(samples.shape[-1], RATE) >= 0
        # A partial of amplitude 1 has the magnitude of half the window's sum.
        amplitudes = mean_magnitude(stft, samples)[inside][:frames] / (WINDOW / 4)
        at_s = np.arange(frames) * (HOP / RATE)
        held_hz = np.stack([_held(times_s, one, at_s) for one in f0_hz])
        nearest = np.searchsorted((times_s[:-1] + times_s[1:]) / 2, at_s)
        return cls(
            samples=torch.from_numpy(samples),
            spectrum=torch.from_numpy(np.log(amplitudes + np.float32(_AUDIBLE))),
            f0_hz=torch.from_numpy(np.where(np.isfinite(f0_hz[:, nearest]), held_hz, 0)).float(),
            held_hz=torch.from_numpy(held_hz).float(),
            phases=torch.from_numpy(_phases(held_hz)).float(),
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
