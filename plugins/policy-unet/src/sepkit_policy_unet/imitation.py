"""What a pursuit found in a recording, as choices for a network to imitate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit_policy_unet.policy import Choice, Policy
from sepkit_policy_unet.sizes import Size
from sepkit_sparse_pursuit.tones import Tones


@dataclass(frozen=True, eq=False)
class Teacher:
    """Tones of all frames of a pursuit, the loudest of each instrument, loudest first.

    Attributes
    ----------
    place : ndarray of int [shape=(frames, c)]
        Instrument and bin, as in `Choice`.
    sounding : ndarray of bool [shape=(frames, c)]
        Whether there is such a tone.
    seconds : float
        Between frames, the first of which is at `first_s`.
    first_s : float
    """

    place: NDArray[np.intp]
    sounding: NDArray[np.bool_]
    seconds: float
    first_s: float

    @classmethod
    def of(
        cls, size: Size, tones: Tones, hz: NDArray[np.floating], instruments: int, frames_s: NDArray[np.floating]
    ) -> Teacher:
        """That of tones whose fundamentals are at `hz` [shape=(frames, tones)], in frames at `frames_s`."""
        bins = np.rint(hz * size.window_length / size.sample_rate).astype(np.intp)
        within = (tones.amplitude > 0) & (bins > 0) & (bins < size.bins)
        loud = np.where(within, tones.amplitude, 0)
        by_instrument = np.stack([np.where(tones.instrument == i, loud, 0) for i in range(instruments)], axis=1)
        if not by_instrument.shape[2]:
            by_instrument, bins = np.zeros((*by_instrument.shape[:2], 1)), np.zeros((len(bins), 1), np.intp)
        best, amplitude = by_instrument.argmax(axis=2), by_instrument.max(axis=2)
        place = np.arange(instruments) * size.bins + np.take_along_axis(bins, best, axis=1).clip(0, size.bins - 1)
        order = np.argsort(-amplitude, axis=1, kind="stable")
        seconds = float(frames_s[1] - frames_s[0]) if len(frames_s) > 1 else 1.0
        return cls(
            np.take_along_axis(place, order, axis=1),
            np.take_along_axis(amplitude, order, axis=1) > 0,
            seconds,
            float(frames_s[0]),
        )

    def at(self, seconds: NDArray[np.floating], device: torch.device) -> tuple[Tensor, Tensor]:
        """Places and whether they sound at these times [shape=(*shape of seconds, c)]."""
        frame = np.rint((seconds - self.first_s) / self.seconds).astype(np.intp).clip(0, len(self.place) - 1)
        return torch.as_tensor(self.place[frame], device=device), torch.as_tensor(self.sounding[frame], device=device)


def imitate(policy: Policy, place: Tensor, sounding: Tensor) -> Choice:
    """The tone at `place` where there is one, else one of what instruments are left, that is off.

    Parameters
    ----------
    policy : Policy
    place : Tensor of int [shape=(starts, frames)]
    sounding : Tensor of bool [shape=(starts, frames)]
    """
    own = policy.likeliest()
    chosen = torch.where(sounding[..., None], place[..., None], own.place)
    # Pursuits of winds and strings find next to no inharmonicity: the network learns of it later.
    return Choice(chosen, sounding[..., None], torch.full_like(own.gamma, _GAMMA))


_GAMMA = 1e-2
