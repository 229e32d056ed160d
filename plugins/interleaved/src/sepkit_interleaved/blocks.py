"""Masks and filters of recordings of any length, in memory that does not depend on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit.neural import usable
from sepkit.wiener import multichannel_wiener
from sepkit_interleaved.hearing import heard, level_of, unit_of
from sepkit_interleaved.trained import METHOD, Trained

S = TypeVar("S", bound=np.generic)

NETWORK_FRAMES = 768
"""That a network is shown at once, beside those that it sees before and after."""
WIENER_FRAMES = 300
"""Over which a source is taken to come from where it comes."""


class Stretches(Generic[S]):
    """What is made stretch by stretch, given out block by block, from the beginning to the end.

    Parameters
    ----------
    make : callable
        Gives for a slice of frames their values [shape=(..., frames)].
    frames : int
        In all.
    size : int
        Of a stretch, the last one being shorter.
    """

    def __init__(self, make: Callable[[slice], NDArray[S]], frames: int, size: int) -> None:
        self._make, self._frames, self._size = make, frames, size
        self._start = self._stop = 0
        self._held: list[NDArray[S]] = []

    def __call__(self, block: slice) -> NDArray[S]:
        """Values of frames that do not come before those that were asked for last."""
        while self._stop < block.stop:
            stretch = slice(self._stop, min(self._stop + self._size, self._frames))
            self._held.append(self._make(stretch))
            self._stop = stretch.stop
        while self._start + self._held[0].shape[-1] <= block.start:
            self._start += self._held.pop(0).shape[-1]
        together = self._held[0] if len(self._held) == 1 else np.concatenate(self._held, axis=-1)
        return together[..., block.start - self._start : block.stop - self._start]


class Filtered:
    """Spectra of some targets of a recording, for one pass from its beginning to its end.

    The network is shown stretches of the recording, and before and after each as much as can change what it finds
    there. So with convolutions stretches fit together as if there were none; recurrent layers forget in time.

    Parameters
    ----------
    trained : Trained
    targets : sequence of str
        Only their decoders are run.
    samples : ndarray [shape=(channels, samples)]
    joint : bool
        Whether masks that sum to more than 1 are scaled down to that.
    rounds : int
        Of expectation-maximisation; 0 for masks alone.
    """

    def __init__(
        self, trained: Trained, targets: Sequence[str], samples: NDArray[np.float32], *, joint: bool, rounds: int
    ) -> None:
        self._trained, self._targets, self._samples, self._plan = trained, targets, samples, trained.plan
        self._joint, self._rounds = joint, rounds
        self._frames = self._plan.stft.frames(samples.shape[-1])
        self._unit = np.float32(unit_of(level_of(samples), self._plan.stft))
        self._context = max(branch.encoder.context_frames for branch in trained.branches)
        self._device = next(trained.branches[0].encoder.parameters()).device
        self._bands = Stretches(self._masks_of_bands, self._frames, NETWORK_FRAMES)
        self._wiener = Stretches(self._wiener_filtered, self._frames, WIENER_FRAMES)

    def __call__(self, block: slice) -> NDArray[np.complexfloating]:
        """Some frames, not before those that were asked for last [shape=(targets, channels, bins, frames)]."""
        if self._rounds:
            return self._wiener(block)
        masked: NDArray[np.complexfloating] = self._masks(block) * self._plan.stft.forward(self._samples, block)
        return masked

    def _wiener_filtered(self, block: slice) -> NDArray[np.complexfloating]:
        """As after masks and rounds of expectation-maximisation among the targets and the rest."""
        mixture, masks = self._plan.stft.forward(self._samples, block), self._masks(block)
        magnitudes = np.concatenate([masks, 1 - masks.sum(axis=0, keepdims=True).clip(max=1)]) * np.abs(mixture)
        return multichannel_wiener(mixture, magnitudes, iterations=self._rounds, window=None)[:-1]

    def _masks(self, block: slice) -> NDArray[np.float32]:
        """Masks [shape=(targets, channels or 1, bins, frames)]."""
        masks = self._bands(block)
        if self._joint:
            masks = masks / np.maximum(masks.sum(axis=0), 1)
        return np.take(masks, self._plan.masked.of_bins, axis=-2)

    def _masks_of_bands(self, stretch: slice) -> NDArray[np.float32]:
        """Masks as the network gives them [shape=(targets, channels or 1, bands, frames)]."""
        seen = slice(max(0, stretch.start - self._context), min(self._frames, stretch.stop + self._context))
        spectrum = np.swapaxes(self._plan.stft.forward(self._samples, seen), -1, -2) / self._unit
        # A network for two channels hears every other number of them one by one, as if left and right were the same.
        alone = self._plan.size.channels == 2 and len(self._samples) != 2
        batch = np.repeat(spectrum[:, np.newaxis], 2, axis=1) if alone else spectrum[np.newaxis]
        shown = torch.from_numpy(np.stack([heard(one, self._plan) for one in batch]))
        masks = torch.stack(self._trained.masks(shown.to(self._device), self._targets))
        masks = masks.mean(dim=2) if alone else masks[:, 0]
        inner = masks[..., stretch.start - seen.start : stretch.stop - seen.start, :].cpu().numpy()
        checked: NDArray[np.float32] = usable(inner, f"the weights of '{METHOD}'").astype(np.float32, copy=False)
        return np.swapaxes(checked, -1, -2)
