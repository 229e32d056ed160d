"""Every source's part in the model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit_nmfd.factorization import Deconvolution
from sepkit_nmfd.model import stacked

Array = NDArray[np.floating]


def source_magnitudes(fit: Deconvolution, members: Mapping[str, NDArray[np.intp]], block: slice) -> Array:
    """The model's magnitude of every source in a block of frames [shape=(sources, bins, frames)]."""
    return np.stack([magnitude(fit.W[:, atoms], fit.H[atoms], block) for atoms in members.values()])


def magnitude(W: Array, H: Array, block: slice) -> Array:
    """Sum of the templates moved to their activations, in a block of frames [shape=(bins, frames)].

    Parameters
    ----------
    W : ndarray [shape=(bins, atoms, lags)]
    H : ndarray [shape=(atoms, frames)]
    block : slice
    """
    product: Array = W.reshape(len(W), -1) @ stacked(H, block, W.shape[2])
    return product
