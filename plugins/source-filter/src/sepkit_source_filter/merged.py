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


def told(frames: NDArray[np.bool_], frames_s: NDArray[np.floating], most: int) -> str:
    """How long it is in all, and where the longest of it lies: ``"3.2 s (12.0-13.1, 40.2-41.0)"``."""
    hop_s = float(frames_s[1] - frames_s[0]) if len(frames_s) > 1 else 0.0
    edges = np.flatnonzero(np.diff(np.pad(frames.astype(int), 1)))
    spans = sorted(zip(edges[::2], edges[1::2], strict=True), key=lambda span: span[0] - span[1])
    shown = [f"{frames_s[a]:.1f}-{frames_s[b - 1]:.1f}" for a, b in sorted(spans[:most])]
    more = ", ..." if len(spans) > most else ""
    return f"{frames.sum() * hop_s:.1f} s ({', '.join(shown)}{more})"
