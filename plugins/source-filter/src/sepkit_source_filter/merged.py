"""Frames in which two sources have the same partials, so that no mask can tell them apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEAR_CENTS = 20.0
"""Within a window, partials that are nearer than that to each other beat, and are no two."""


def merged_frames(one_hz: NDArray[np.floating], other_hz: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Where two F0 are in unison or whole octaves apart: all partials of one are partials of the other.

    Parameters
    ----------
    one_hz, other_hz : ndarray [shape=(frames,)]
        NaN where unvoiced.
    """
    with np.errstate(invalid="ignore"):
        cents = 1200 * np.log2(one_hz / other_hz)
        return np.asarray(np.abs(cents - 1200 * np.rint(cents / 1200)) < NEAR_CENTS)


def told(frames: NDArray[np.bool_], frames_s: NDArray[np.floating], duration_s: float, most: int) -> str:
    """How long it is in all, and where the longest of it lies: ``"3.20 s (12.00-13.15, 40.20-41.02)"``."""
    half_s = float(frames_s[1] - frames_s[0]) / 2 if len(frames_s) > 1 else 0.0
    edges = np.flatnonzero(np.diff(np.pad(frames.astype(int), 1)))
    times_s = np.stack([frames_s[edges[::2]] - half_s, frames_s[edges[1::2] - 1] + half_s], axis=1)
    spans = sorted(np.clip(times_s, 0, duration_s).tolist(), key=lambda span: span[0] - span[1])
    shown = [f"{first_s:.2f}-{last_s:.2f}" for first_s, last_s in sorted(spans[:most])]
    more = ", ..." if len(spans) > most else ""
    return f"{sum(last_s - first_s for first_s, last_s in spans):.2f} s ({', '.join(shown)}{more})"
