"""The damping of Levenberg and Marquardt's method, which several problems have that are solved at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FIRST, LEAST, MOST = 1e-2, 1e-6, 1e6


def damped(damping: NDArray[np.floating], better: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Less damping after steps that lowered the loss, more after others; both [shape=(problems,)]."""
    changed: NDArray[np.floating] = np.clip(damping * np.where(better, 0.2, 6), LEAST, MOST).astype(damping.dtype)
    return changed
