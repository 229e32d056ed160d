"""Starts of a factorisation, and the scale that its factors share."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sepkit import large
from sepkit_nmf.divergence import Array, frame_blocks

# Frames of float64 that the Gram matrix and the singular vectors are gathered from at a time: 4 MB.
BLOCK_ELEMENTS = 1 << 19


def random_init(V: Array, rank: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw strictly positive factors whose product has the mean of ``V``.

    Parameters
    ----------
    V : np.ndarray [shape=(bins, frames)]
        Nonnegative data.
    rank : int
        Number of atoms.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    W : np.ndarray [shape=(bins, rank)]
        Templates.
    H : np.ndarray [shape=(rank, frames)]
        Activations.
    """
    _check_rank(rank)
    bins, frames = V.shape
    # Drawn from [0, 1): turned around, no element is zero.
    W, H = large.empty((bins, rank), np.float64), large.empty((rank, frames), np.float64)
    for factor in (W, H):
        rng.random(out=factor)
        np.subtract(1.0, factor, out=factor)
    target = _mean(V) or 1.0
    scale = (target / float(W.mean(axis=0) @ H.mean(axis=1))) ** 0.5
    for factor in (W, H):
        factor *= scale
    return large.copied(W, V.dtype), large.copied(H, V.dtype)


def nndsvd(
    V: Array,
    rank: int,
    *,
    fill: Literal["none", "mean", "random"] = "mean",
    rng: np.random.Generator | None = None,
) -> tuple[Array, Array]:
    """Nonnegative double singular value decomposition [1]_.

    Each pair of singular vectors is split by sign, and the stronger of the two nonnegative pairs becomes an atom. The
    vectors come from the smaller Gram matrix, so data of any length is read in blocks and never copied.

    Parameters
    ----------
    V : np.ndarray [shape=(bins, frames)]
        Nonnegative data.
    rank : int
        Number of atoms, at most the smaller side of ``V``.
    fill : {"none", "mean", "random"}
        What replaces the zeros: nothing, the mean of ``V`` (the paper's NNDSVDa), or numbers up to a hundredth of it
        (NNDSVDar). Multiplicative updates never leave a zero, so "none" is for HALS.
    rng : np.random.Generator, optional
        Source of randomness, needed for ``fill="random"``.

    Returns
    -------
    W : np.ndarray [shape=(bins, rank)]
        Templates.
    H : np.ndarray [shape=(rank, frames)]
        Activations.

    References
    ----------
    .. [1] C. Boutsidis and E. Gallopoulos, "SVD based initialization: A head start for nonnegative matrix
       factorization", Pattern Recognition, 2008.
    """
    _check_rank(rank)
    if rank > min(V.shape):
        raise ValueError(f"rank is {rank}, but V of shape {V.shape} has {min(V.shape)} singular pairs; use random_init")
    if fill not in ("none", "mean", "random"):
        raise ValueError(f"fill is {fill!r}; choose one of none, mean, random")
    if fill == "random" and rng is None:
        raise ValueError("fill='random' draws numbers; pass rng, such as numpy.random.default_rng(0)")
    left, singular, right = _leading_singular_triplets(V, rank)
    W, H = np.zeros(left.shape), large.zeros(right.shape, np.float64)
    for r in range(rank):
        u, v = left[:, r], right[r]
        sides = [(np.maximum(s * u, 0.0), np.maximum(s * v, 0.0)) for s in (1.0, -1.0)]
        weights = [float(np.linalg.norm(x) * np.linalg.norm(y)) for x, y in sides]
        side = int(weights[1] > weights[0])
        x, y = sides[side]
        if weights[side] > 0:
            scale = (singular[r] * weights[side]) ** 0.5
            W[:, r] = scale * x / np.linalg.norm(x)
            H[r] = scale * y / np.linalg.norm(y)
    mean = _mean(V)
    for factor in (W, H):
        empty = factor == 0
        if fill == "mean":
            factor[empty] = mean
        elif rng is not None and fill == "random":
            factor[empty] = mean * rng.random(int(empty.sum())) / 100.0
    return W.astype(V.dtype), large.copied(H, V.dtype)


def normalize_templates(W: Array, H: Array, norm: Literal["sum", "l2"] = "sum") -> tuple[Array, Array]:
    """Give each template unit norm and its activations the inverse scale, leaving the product as it is.

    Parameters
    ----------
    W : np.ndarray [shape=(bins, atoms)]
        Templates; those that are all zero stay so.
    H : np.ndarray [shape=(atoms, frames)]
        Activations.
    norm : {"sum", "l2"}
        Which norm becomes 1.

    Returns
    -------
    W : np.ndarray [shape=(bins, atoms)]
        Normalised templates, a new array.
    H : np.ndarray [shape=(atoms, frames)]
        Rescaled activations, a new array.
    """
    if norm not in ("sum", "l2"):
        raise ValueError(f"norm is {norm!r}; choose 'sum' or 'l2'")
    wide = W.astype(np.float64)
    scale = wide.sum(axis=0) if norm == "sum" else np.linalg.norm(wide, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    rescaled = np.multiply(H, scale[:, np.newaxis], out=large.empty(H.shape, H.dtype), casting="same_kind")
    return (W / scale).astype(W.dtype), rescaled


def _leading_singular_triplets(V: Array, rank: int) -> tuple[Array, Array, Array]:
    """The first ``rank`` left vectors, singular values and right vectors, in float64."""
    from scipy.linalg import eigh

    if V.shape[0] > V.shape[1]:
        left, singular, right = _leading_singular_triplets(V.T, rank)
        return right.T, singular, left.T
    side, length = V.shape
    gram = np.zeros((side, side))
    for block in frame_blocks(V.shape, BLOCK_ELEMENTS):
        v = V[:, block].astype(np.float64)
        gram += v @ v.T
    values, vectors = eigh(gram, subset_by_index=[side - rank, side - 1])
    singular = np.sqrt(np.maximum(values[::-1], 0.0))
    vectors = vectors[:, ::-1]
    # The sign of an eigenvector is LAPACK's whim; its largest element decides instead.
    signs = np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(rank)])
    vectors = vectors * signs
    right = large.zeros((rank, length), np.float64)
    for block in frame_blocks(V.shape, BLOCK_ELEMENTS):
        right[:, block] = vectors.T @ V[:, block].astype(np.float64)
    right /= np.where(singular > 0, singular, 1.0)[:, np.newaxis]
    return vectors, singular, right


def _mean(V: Array) -> float:
    return float(V.mean(dtype=np.float64))


def _check_rank(rank: int) -> None:
    if rank < 1:
        raise ValueError(f"rank is {rank}; pass 1 or more")
