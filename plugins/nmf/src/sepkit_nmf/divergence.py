"""The beta-divergence: Euclidean (2), Kullback-Leibler (1), Itakura-Saito (0) and what lies between and beyond."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sepkit import large

Array = npt.NDArray[np.floating[Any]]

# Elements of a block whose few temporaries stay in a core's own cache.
CACHE_ELEMENTS = 1 << 16


def frame_blocks(shape: tuple[int, ...], elements: int) -> Iterator[slice]:
    """Cut the columns of a matrix of this shape into equal runs of about ``elements`` values each."""
    bins, frames = shape
    count = max(1, -(-bins * frames // elements))
    size = max(1, -(-frames // count))
    yield from large.paced(slice(start, min(start + size, frames)) for start in range(0, frames, size))


def inner(a: Array, b: Array) -> float:
    """Sum of the products of two arrays' elements, accumulated in float64."""
    return float(np.multiply(a, b).sum(dtype=np.float64))


def data_floor(V: Array) -> float:
    """Smallest value that the data and its approximation are told apart from zero by.

    It is proportional to the mean of ``V``, so that the same music at another level is treated the same.

    Parameters
    ----------
    V : np.ndarray [shape=(bins, frames)]
        Nonnegative data.

    Returns
    -------
    float
        A tiny multiple of the mean; the square root of the smallest normal number for all-zero data.
    """
    blocks = frame_blocks(V.shape, CACHE_ELEMENTS)
    mean = sum(float(V[:, block].sum(dtype=np.float64)) for block in blocks) / max(V.size, 1)
    relative = 1e-10 if V.dtype == np.float32 else 1e-12
    # The floor is squared and inverted (IS), so it keeps away from both ends of the number range.
    return max(relative * mean, math.sqrt(np.finfo(V.dtype).tiny))


def block_divergence(v: Array, y: Array, beta: float, floor: float) -> float:
    """Divergence of one cache-sized block, summed in float64; ``y`` is used up."""
    if beta == 2:
        # ½ (v - y)²
        np.subtract(v, y, out=y)
        np.square(y, out=y)
        return 0.5 * float(y.sum(dtype=np.float64))
    np.maximum(y, floor, out=y)
    if beta <= 0:
        v = np.maximum(v, floor)
    if beta == 1:
        # v log(v/y) - v + y
        terms = np.divide(v, y)
        # The logarithm of a zero is multiplied by that zero.
        np.maximum(terms, np.finfo(terms.dtype).tiny, out=terms)
        np.log(terms, out=terms)
        terms *= v
        y -= v
        terms += y
    elif beta == 0:
        # v/y - log(v/y) - 1
        terms = np.divide(v, y)
        np.log(terms, out=y)
        terms -= y
        terms -= 1.0
    else:
        # y^β [((v/y)^β - 1)/β + 1 - v/y] / (β - 1), which is the definition with y^β taken out.
        # Powers of both signs nearly cancel here, which float32 would not survive, nor float64 for a beta close to zero
        # without expm1.
        z = y.astype(np.float64)
        ratio = v / z
        with np.errstate(divide="ignore"):
            deformed_log = np.expm1(beta * np.log(ratio)) / beta
        terms = z**beta * (deformed_log + 1.0 - ratio) / (beta - 1.0)
    return float(terms.sum(dtype=np.float64))


def beta_divergence(V: Array, Y: Array, beta: float) -> float:
    r"""Beta-divergence between nonnegative data and its approximation.

    .. math:: d_\beta(x | y) = \frac{x^\beta}{\beta(\beta - 1)} + \frac{y^\beta}{\beta} - \frac{x y^{\beta-1}}{\beta-1}

    with the limits :math:`x \log(x/y) - x + y` at 1 and :math:`x/y - \log(x/y) - 1` at 0; half the squared error at 2
    [1]_. Values of ``Y`` below `data_floor` count as that floor, except at ``beta=2``. For ``beta <= 0`` the divergence
    from a zero is infinite whatever the model says, so there values of ``V`` below the floor count as the floor too:
    silence modelled as silence costs nothing.

    Parameters
    ----------
    V : np.ndarray [shape=(bins, frames)]
        Nonnegative data.
    Y : np.ndarray [shape=(bins, frames)]
        Nonnegative approximation.
    beta : float
        Which divergence.

    Returns
    -------
    float
        The sum over all elements, accumulated in float64.

    References
    ----------
    .. [1] C. Févotte and J. Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence",
       Neural Computation, 2011.
    """
    if V.ndim != 2 or V.shape != Y.shape:
        raise ValueError(f"V has shape {V.shape} and Y {Y.shape}; pass two arrays of one shape (bins, frames)")
    floor = data_floor(V)
    blocks = frame_blocks(V.shape, CACHE_ELEMENTS)
    return sum(block_divergence(V[:, block], np.array(Y[:, block], dtype=V.dtype), beta, floor) for block in blocks)
