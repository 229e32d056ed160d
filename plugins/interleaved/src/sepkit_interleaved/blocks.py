"""Masks of recordings of any length, in memory that does not depend on it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit.neural import usable
from sepkit_interleaved.hearing import heard, level_of, unit_of
from sepkit_interleaved.trained import METHOD, Trained

_FRAMES = 768
"""That a network is shown at once, beside those that it sees before and after."""


class MaskStream:
    """Masks from the beginning to the end of a recording.

    The network is shown stretches of the recording, and before and after each as much as can change what it finds
    there. So with convolutions stretches fit together as if there were none; recurrent layers forget in time.

    Parameters
    ----------
    trained : Trained
    samples : ndarray [shape=(channels, samples)]
    """

    def __init__(self, trained: Trained, samples: NDArray[np.float32]) -> None:
        self._trained, self._samples, self._plan = trained, samples, trained.plan
        self._frames = self._plan.stft.frames(samples.shape[-1])
        self._unit = unit_of(level_of(samples), self._plan.stft)
        self._context = max(branch.encoder.context_frames for branch in trained.branches)
        self._device = next(trained.branches[0].encoder.parameters()).device
        self._start = self._stop = 0
        self._held: list[NDArray[np.float32]] = []

    def masks(self, block: slice, *, joint: bool) -> NDArray[np.float32]:
        """Masks of some frames, which come after those that were asked for before.

        Parameters
        ----------
        block : slice
            Of frames.
        joint : bool
            Whether masks that sum to more than 1 are scaled down to that.

        Returns
        -------
        masks : ndarray [shape=(targets, channels or 1, bins, frames)]
        """
        while self._stop < block.stop:
            self._held.append(self._stretch(self._stop))
            self._stop += self._held[-1].shape[-1]
        while self._start + self._held[0].shape[-1] <= block.start:
            self._start += self._held.pop(0).shape[-1]
        together = self._held[0] if len(self._held) == 1 else np.concatenate(self._held, axis=-1)
        masks = together[..., block.start - self._start : block.stop - self._start]
        if joint:
            masks = masks / np.maximum(masks.sum(axis=0), 1)
        return np.take(masks, self._plan.masked.of_bins, axis=-2)

    def _stretch(self, start: int) -> NDArray[np.float32]:
        """Masks of bands [shape=(targets, channels or 1, bands, frames)]."""
        stop = min(start + _FRAMES, self._frames)
        seen = slice(max(0, start - self._context), min(self._frames, stop + self._context))
        spectrum = np.swapaxes(self._plan.stft.forward(self._samples, seen), -1, -2)
        channels, wanted = len(self._samples), self._plan.size.channels
        # A network for two channels hears every other number of them one by one, as if left and right were the same.
        alone = wanted == 2 and channels != 2
        spectrum = spectrum / np.float32(self._unit)
        batch = np.repeat(spectrum[:, np.newaxis], 2, axis=1) if alone else spectrum[np.newaxis]
        shown = torch.from_numpy(np.stack([heard(one, self._plan) for one in batch]))
        masks = torch.stack(self._trained.masks(shown.to(self._device)))
        masks = masks.mean(dim=2) if alone else masks[:, 0]
        inner = masks[..., start - seen.start : stop - seen.start, :].cpu().numpy()
        return np.swapaxes(usable(inner, f"the weights of '{METHOD}'"), -1, -2).astype(np.float32, copy=False)
