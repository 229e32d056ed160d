"""Active sets: in a short run of frames only few atoms of a constrained factorisation sound; the rest needs no work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sepkit_nmf.divergence import frame_blocks

Rows: TypeAlias = "slice | npt.NDArray[np.intp]"
EVERY = slice(None)


@dataclass(frozen=True, eq=False)
class ActiveBlock:
    """A run of frames and the atoms that may sound in it.

    Attributes
    ----------
    frames : slice
    atoms : slice or ndarray
        All other atoms are zero in these frames.
    """

    frames: slice
    atoms: Rows

    def updated(self, rows: Rows) -> tuple[Rows, Rows]:
        """The active atoms out of the updated `rows`, and their positions among these."""
        if isinstance(self.atoms, slice):
            return rows, EVERY
        if isinstance(rows, slice):
            return self.atoms, self.atoms
        positions = np.flatnonzero(np.isin(rows, self.atoms))
        return rows[positions], positions


def whole_blocks(shape: tuple[int, ...], elements: int) -> list[ActiveBlock]:
    """Runs of about `elements` values of a matrix of this shape, in which any atom may sound."""
    return [ActiveBlock(block, EVERY) for block in frame_blocks(shape, elements)]


def active_blocks(shape: tuple[int, ...], elements: int, support: npt.NDArray[np.bool_]) -> list[ActiveBlock]:
    """Runs of about `elements` values, each with the atoms whose `support` [shape=(atoms, frames)] reaches into it."""
    return [
        ActiveBlock(block, np.flatnonzero(support[:, block].any(axis=1))) for block in frame_blocks(shape, elements)
    ]
