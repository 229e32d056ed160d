"""Spectra of a recording, as the network sees them: phases count from the middle of the window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
import scipy.signal
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit import large
from sepkit.problem.run import Run
from sepkit.spectral import STFT
from sepkit_policy_unet.sizes import Size

_AUDIBLE = 1e-3
"""Frames whose largest magnitude is below this part of the largest of all teach nothing."""


@dataclass(frozen=True, eq=False)
class Frames:
    """The transform of one recording.

    Attributes
    ----------
    size : Size
    samples : ndarray [shape=(samples,)]
    scale : float
        The largest magnitude in it: spectra are divided by it.
    heard : ndarray of int
        Numbers of the frames in which something is to be heard.
    """

    size: Size
    samples: NDArray[np.float32]
    scale: float
    heard: NDArray[np.intp]

    @classmethod
    def of(cls, size: Size, samples: NDArray[np.float32], run: Run) -> Frames:
        """Those of `samples`, scaled so that the largest magnitude is 1."""
        stft = stft_of(size)
        largest = []
        for block in stft.blocks(len(samples)):
            run.check_cancelled()
            largest.append(np.abs(stft.forward(samples, block)).max(axis=0))
        by_frame = np.concatenate(largest)
        scale = float(by_frame.max())
        return cls(size, samples, scale or 1.0, np.flatnonzero(by_frame > _AUDIBLE * scale))

    @cached_property
    def stft(self) -> STFT:
        """The transform for frames that are separated."""
        return stft_of(self.size)

    def block(self, frames: slice) -> Tensor:
        """Spectra of some of these frames [shape=(frames, 2, bins)]."""
        return self._scaled(self.stft.forward(self.samples, frames).T)

    def restored(self, pairs: Tensor) -> NDArray[np.complexfloating]:
        """Spectra for `stft` [shape=(..., bins + 1)] from such as `block` gives [shape=(..., 2, bins)]."""
        re, im = np.moveaxis(pairs.cpu().numpy(), -2, 0)
        spectrum = (re + 1j * im) * (_alternating(self.size.bins) * np.float32(self.scale))
        return np.pad(spectrum, [(0, 0)] * (spectrum.ndim - 1) + [(0, 1)])

    def drawn(self, rng: np.random.Generator, count: int) -> NDArray[np.intp]:
        """Samples in the middle of random frames, those of `training_hop`, in which something is to be heard."""
        frames_s = self.stft.frames_s(len(self.samples), 1)
        within = rng.integers(self.size.hop // self.size.training_hop, size=count) * self.size.training_hop
        centres = frames_s[rng.choice(self.heard, count)].astype(np.intp) + within
        inside: NDArray[np.intp] = centres.clip(0, len(self.samples) - 1)
        return inside

    def at(self, centres: NDArray[np.integer]) -> Tensor:
        """Spectra of frames around any samples [shape=(*shape of centres, 2, bins)]."""
        windows = np.lib.stride_tricks.sliding_window_view(self._padded, self.size.window_length)[centres]
        return self._scaled(scipy.fft.rfft(windows * self._window, axis=-1))

    def _scaled(self, spectrum: NDArray[np.complexfloating]) -> Tensor:
        bins = self.size.bins
        spectrum = spectrum[..., :bins] * (_alternating(bins) / np.float32(self.scale))
        return torch.from_numpy(np.stack([spectrum.real, spectrum.imag], axis=-2).astype(np.float32))

    @cached_property
    def _padded(self) -> NDArray[np.float32]:
        around = self.size.window_length // 2
        padded = large.zeros((len(self.samples) + 2 * around,))
        padded[around : around + len(self.samples)] = self.samples
        return padded

    @cached_property
    def _window(self) -> NDArray[np.float32]:
        window: NDArray[np.float32] = scipy.signal.get_window(
            ("gaussian", self.size.deviation), self.size.window_length
        ).astype(np.float32)
        return window


def stft_of(size: Size) -> STFT:
    """The transform for frames that are separated."""
    return STFT(size.window_length, size.hop, ("gaussian", size.deviation))


def _alternating(bins: int) -> NDArray[np.float32]:
    """1, -1, 1, ...: moves where phases count from by half a window."""
    signs = np.ones(bins, np.float32)
    signs[1::2] = -1
    return signs
