"""From a spectrogram to a factorisation and back: the scale it is made at, and every source's part in the model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit_nmf.divergence import frame_blocks
from sepkit_nmf.factorization import Factorization

_ELEMENTS = 1 << 24
"""Of a spectrogram that are added up at a time."""


def normalized(V: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scale a spectrogram to mean 1 in place, so that weights of priors mean the same for loud and soft mixtures."""
    mean = sum(V[:, block].sum(dtype=np.float64) for block in frame_blocks(V.shape, _ELEMENTS)) / V.size
    if mean > 0:
        for block in frame_blocks(V.shape, _ELEMENTS):
            V[:, block] /= V.dtype.type(mean)
    return V


def source_magnitudes(
    fit: Factorization, members: Mapping[str, NDArray[np.intp]], block: slice
) -> NDArray[np.floating]:
    """The model's magnitude of every source in a block of frames [shape=(sources, bins, frames)]."""
    # Transposed, so that it lies in memory as the spectrum does.
    shares = np.stack([fit.H[atoms, block].T @ fit.W[:, atoms].T for atoms in members.values()])
    return np.swapaxes(shares, -1, -2)
