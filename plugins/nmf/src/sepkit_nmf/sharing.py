"""From a spectrogram to a factorisation and back: the scale it is made at, and every source's part in the model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit_nmf.factorization import Factorization


def normalized(V: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scale a spectrogram to mean 1 in place, so that weights of priors mean the same for loud and soft mixtures."""
    mean = V.mean(dtype=np.float64)
    if mean > 0:
        V /= V.dtype.type(mean)
    return V


def source_magnitudes(
    fit: Factorization, members: Mapping[str, NDArray[np.intp]], block: slice
) -> NDArray[np.floating]:
    """The model's magnitude of every source in a block of frames [shape=(sources, bins, frames)]."""
    # Transposed, so that it lies in memory as the spectrum does.
    shares = np.stack([fit.H[atoms, block].T @ fit.W[:, atoms].T for atoms in members.values()])
    return np.swapaxes(shares, -1, -2)
