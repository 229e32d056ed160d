"""The modified discrete cosine transform: real, critically sampled and orthonormal.

White noise stays white under it and sums stay sums, so that densities, Langevin steps and the mixture constraint mean
the same on coefficients as on samples, while a tone that waveforms spread over thousands of samples is a few numbers.

References
----------
Princen, Johnson and Bradley, "Subband/transform coding using filter bank designs based on time domain aliasing
cancellation", ICASSP 1987.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class MDCT(nn.Module):
    """Frames of coefficients with a sine window, of waveforms of any length.

    A frame covers two blocks of `bins` samples; the first one also has the last block, as if the waveform were a ring.
    A rest that is shorter than a block has a cosine transform (DCT-IV) of its own.

    Parameters
    ----------
    bins : int
        Coefficients of a frame, and samples between frames; even.
    """

    basis: Tensor

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.register_buffer("basis", windowed_cosines(bins).float(), persistent=False)

    def forward(self, waveforms: Tensor) -> tuple[Tensor, Tensor]:
        """Coefficients of waveforms.

        Parameters
        ----------
        waveforms : Tensor [shape=(batch, samples)]

        Returns
        -------
        frames : Tensor [shape=(batch, samples // bins, bins)]
        rest : Tensor [shape=(batch, samples % bins)]
        """
        count, rest = divmod(waveforms.shape[1], self.bins)
        whole = count * self.bins
        blocks = waveforms[:, :whole].reshape(len(waveforms), count, self.bins)
        frames = torch.cat((blocks.roll(1, 1), blocks), 2) @ self.basis
        return frames, waveforms[:, whole:] @ self._cosines(rest)

    def inverse(self, frames: Tensor, rest: Tensor) -> Tensor:
        """The waveforms with these coefficients [shape=(batch, samples)]."""
        earlier, later = (frames @ self.basis.T).chunk(2, 2)
        blocks = earlier.roll(-1, 1) + later
        return torch.cat((blocks.flatten(1), rest @ self._cosines(rest.shape[1]).T), 1)

    def _cosines(self, length: int) -> Tensor:
        return cosines(length).to(self.basis)


def cosines(length: int) -> Tensor:
    """The orthonormal DCT-IV, which is its own inverse [shape=(length, length), float64]."""
    at = torch.arange(length, dtype=torch.float64) + 0.5
    return math.sqrt(2 / max(1, length)) * torch.cos(math.pi / max(1, length) * at[:, None] * at)


def windowed_cosines(bins: int) -> Tensor:
    """The MDCT of one frame [shape=(2 * bins, bins), float64]."""
    sample = torch.arange(2 * bins, dtype=torch.float64) + 0.5
    frequency = torch.arange(bins, dtype=torch.float64) + 0.5
    window = torch.sin(math.pi / (2 * bins) * sample)[:, None]
    return math.sqrt(2 / bins) * window * torch.cos(math.pi / bins * (sample[:, None] + bins / 2) * frequency)
