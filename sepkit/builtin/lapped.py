"""Boxes cut out of waveforms by an orthogonal lapped transform, so that what is cut is cut exactly.

A short-time Fourier transform has more values than there are samples: what is zeroed in it comes back in part when its
result is analysed again. The modified discrete cosine transform has as many, and is orthogonal: samples are folded at
the borders of blocks by rotations, and each block is analysed by a cosine transform of type IV.

References
----------
Malvar, "Lapped transforms for efficient transform/subband coding", IEEE Transactions on Acoustics, Speech, and Signal
Processing 38(6), 1990.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from sepkit.builtin.boxes import Run, runs_of
from sepkit.music.labels import Label
from sepkit.problem.layout import Layout
from sepkit.spectral_config import WINDOW_S


@dataclass(frozen=True, eq=False)
class Patch:
    """Samples around a run of blocks in which there are boxes.

    Attributes
    ----------
    first, stop : int
        Which samples: whole blocks.
    size : int
        Samples of a block.
    run : Run
        Its frames are the blocks of these samples; limits in parts of the mixture's values.
    mixture : ndarray [shape=(channels, blocks, size)]
        The mixture's values in the blocks of the run.
    """

    first: int
    stop: int
    size: int
    run: Run
    mixture: NDArray[np.float32]


def patches(boxes: Sequence[Label], layout: Layout) -> Iterator[Patch]:
    """The patches of all boxes; what is left at the end beyond the last whole block is a block of its own."""
    samples, rate, length = layout.mixture.samples, layout.mixture.sample_rate, layout.mixture.length
    size = max(2, 2 * round(WINDOW_S * rate / 4))
    blocks = length // size
    for size_, start, count in ((size, 0, blocks), (length - blocks * size, blocks * size, 1)):
        if not size_ * count:
            continue
        bins_hz = (np.arange(size_) + 0.5) * rate / (2 * size_)
        frames_s = (start + (np.arange(count) + 0.5) * size_) / rate
        for run in runs_of(boxes, layout.sources, bins_hz, frames_s):
            around = slice(max(run.first - 1, 0), min(run.stop + 1, count))
            first, stop = start + around.start * size_, start + around.stop * size_
            run = run.within(around)
            values = analysed(np.array(samples[:, first:stop]), size_)[:, run.first : run.stop]
            yield Patch(first, stop, size_, run, values)


@dataclass(frozen=True, eq=False)
class LappedShares:
    """Limits of what every source has of the mixture, in patches of samples that do not get into each other's way."""

    patches: tuple[Patch, ...]

    def project(self, value: Any) -> Any:
        """The stems with what is beyond the limits given to the sources that have none, in equal parts."""
        xp = array_api_compat.array_namespace(value)
        for patch in self.patches:
            samples = value[..., patch.first : patch.stop] + self._change(xp, patch, value)
            value = xp.concat([value[..., : patch.first], samples, value[..., patch.stop :]], axis=-1)
        return value

    def violation(self, value: Any) -> float:
        """Norm of what is beyond the limits, relative to the norm of the value."""
        if hasattr(value, "detach"):  # a torch tensor in the middle of a computation that is differentiated
            value = value.detach()
        xp = array_api_compat.array_namespace(value)
        size = float(xp.sqrt(xp.sum(value**2)))
        gap = float(sum(xp.sum(self._change(xp, patch, value) ** 2) for patch in self.patches)) ** 0.5
        return gap / size if size > 0 else 0.0

    def _change(self, xp: Any, patch: Patch, value: Any) -> Any:
        """What the projection adds to the samples of a patch."""
        run, kind = patch.run, {"dtype": value.dtype, "device": array_api_compat.device(value)}
        values = analysed(value[..., patch.first : patch.stop], patch.size)
        found = values[..., run.first : run.stop, :]
        # From (sources, bins, blocks), one for all channels.
        limits = xp.permute_dims(xp.asarray(run.limits, **kind), (0, 2, 1))[:, None]
        most = limits * xp.abs(xp.asarray(patch.mixture, **kind))
        free = xp.astype(limits >= 1, value.dtype)
        kept = xp.where(limits >= 1, found, xp.minimum(xp.maximum(found, -most), most))
        taken = xp.sum(found - kept, axis=0)
        change = kept - found + taken * free / xp.clip(xp.sum(free, axis=0), 1, None)
        still = xp.zeros_like(values)
        change = xp.concat([still[..., : run.first, :], change, still[..., run.stop :, :]], axis=-2)
        return synthesised(change)


def analysed(samples: Any, size: int) -> Any:
    """The transform of whole blocks [shape=(..., blocks, size)], not folded at either end."""
    xp = array_api_compat.array_namespace(samples)
    blocks = xp.reshape(samples, (*samples.shape[:-1], -1, size))
    return _folded(xp, blocks, 1) @ _cosines(xp, blocks)


def synthesised(values: Any) -> Any:
    """The samples of a transform [shape=(..., blocks * size)]."""
    xp = array_api_compat.array_namespace(values)
    blocks = _folded(xp, values @ _cosines(xp, values), -1)
    return xp.reshape(blocks, (*values.shape[:-2], -1))


def _folded(xp: Any, blocks: Any, direction: int) -> Any:
    """Rotate samples on both sides of every border between blocks into each other, or back."""
    size = blocks.shape[-1]
    if blocks.shape[-2] < 2:
        return blocks
    half = size // 2
    angles = np.pi / (2 * size) * (size / 2 + np.arange(half) + 0.5)
    rise, fall = (
        xp.asarray(one, dtype=blocks.dtype, device=array_api_compat.device(blocks))
        for one in (np.sin(angles), direction * np.cos(angles))
    )
    before = xp.flip(blocks[..., :-1, size - half :], axis=-1)
    after = blocks[..., 1:, :half]
    before, after = rise * before - fall * after, rise * after + fall * before
    starts = xp.concat([blocks[..., :1, :half], after], axis=-2)
    ends = xp.concat([xp.flip(before, axis=-1), blocks[..., -1:, size - half :]], axis=-2)
    return xp.concat([starts, blocks[..., half : size - half], ends], axis=-1)


def _cosines(xp: Any, blocks: Any) -> Any:
    """The orthogonal cosine transform of type IV, its own inverse [shape=(size, size)]."""
    size = blocks.shape[-1]
    places = np.arange(size) + 0.5
    matrix = np.sqrt(2 / size) * np.cos(np.pi / size * np.outer(places, places))
    return xp.asarray(matrix, dtype=blocks.dtype, device=array_api_compat.device(blocks))
