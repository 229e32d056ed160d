"""What `factorize` accepts, and what it says otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sepkit import large
from sepkit_nmf.active import Rows
from sepkit_nmf.divergence import CACHE_ELEMENTS, Array, frame_blocks


def check_data(V: Array) -> None:
    """Data must be a filled matrix of nonnegative finite floats."""
    if not isinstance(V, np.ndarray) or V.ndim != 2 or V.size == 0:
        raise ValueError(f"V has shape {np.shape(V)}; pass a non-empty array of shape (bins, frames)")
    if V.dtype not in (np.float32, np.float64):
        raise ValueError(f"V is of type {V.dtype}; convert it to float32 or float64")
    for block in frame_blocks(V.shape, CACHE_ELEMENTS):
        # A NaN passes through both, and neither needs an array of booleans.
        low, high = V[:, block].min(), V[:, block].max()
        if not (low >= 0 and high < np.inf):
            raise ValueError(f"V holds values from {low} to {high}; pass nonnegative finite data, such as magnitudes")


def check_factor(name: str, values: npt.ArrayLike, shape: tuple[int, int]) -> Array:
    """A start must fit the data and be nonnegative and finite."""
    array: Array = np.asarray(values)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, but V and the other factor need {shape}")
    if 0 in shape:
        raise ValueError(f"{name} has shape {shape}; start from at least one atom")
    if array.dtype.kind not in "fiu" or not (array.min() >= 0 and array.max() < np.inf):
        raise ValueError(f"{name} must be of nonnegative finite numbers; start from random_init or nndsvd")
    return array


def check_support(
    name: str, support: npt.ArrayLike | None, shape: tuple[int, int], *, transpose: bool
) -> npt.NDArray[np.bool_] | None:
    """A support must be a mask of its factor's shape; one that allows everything is none."""
    if support is None:
        return None
    mask = np.asarray(support)
    if mask.shape != shape or mask.dtype != np.bool_:
        raise ValueError(f"{name} is {mask.dtype} of shape {mask.shape}; pass booleans of shape {shape}")
    if mask.all():
        return None
    return large.copied(mask.T if transpose else mask)


def free_rows(name: str, free: npt.ArrayLike, atoms: int) -> Rows:
    """Indices of the atoms to update, as a slice when it is all of them."""
    mask: npt.NDArray[Any] = np.asarray(free)
    if mask.dtype != np.bool_ or mask.shape not in ((), (atoms,)):
        raise ValueError(f"{name} is {mask.dtype} of shape {mask.shape}; pass a bool or booleans of shape ({atoms},)")
    if mask.all():
        return slice(None)
    return np.flatnonzero(np.broadcast_to(mask, (atoms,)))


def check_solver(
    solver: str, beta: float, known: tuple[str, ...], max_iterations: int, tolerance: float, added_epsilon: float
) -> None:
    """The solver must exist and be able to lower this divergence."""
    if solver not in known:
        raise ValueError(f"solver is {solver!r}; choose one of {', '.join(known)}")
    if not np.isfinite(beta):
        raise ValueError(f"beta is {beta}; pass a finite number, such as 2, 1 or 0")
    if solver == "hals" and beta != 2:
        raise ValueError(f"solver 'hals' needs beta=2, not {beta}; use 'mue' or 'mu'")
    if solver == "mue" and not 1 <= beta <= 2:
        raise ValueError(f"solver 'mue' needs beta in [1, 2], not {beta}; use 'mu'")
    if max_iterations < 0:
        raise ValueError(f"max_iterations is {max_iterations}; pass 0 or more")
    for name, value in (("tolerance", tolerance), ("added_epsilon", added_epsilon)):
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} is {value}; pass a finite number, 0 or more")
