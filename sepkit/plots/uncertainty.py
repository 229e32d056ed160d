"""How sure a method is of its stems, over time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sepkit.plots.canvas import Sound

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMN_S = 0.05
_RANGE_DB = (-10, 50)
_BLOCK_COLUMNS = 256


def draw_agreement(axis: Axes, stem: Sound, uncertainty: Sound, most_columns: int, second: float) -> None:
    """Draw how far the draws of a stem agree, its energy over that of its uncertainty, as a curve over time.

    Parameters
    ----------
    axis : Axes
    stem, uncertainty : Audio
    most_columns : int
        Number of points, at most.
    second : float
        Length of a second on the axis of time.
    """
    count = int(np.clip(stem.duration_s / COLUMN_S, 1, most_columns))
    edges = np.linspace(0, stem.length, count + 1).astype(int)
    curve = agreement_curve(stem, uncertainty, edges)
    centres_s = (edges[:-1] + edges[1:]) / 2 / stem.sample_rate
    axis.plot(second * centres_s, np.clip(curve, *_RANGE_DB), color="C0", marker="." if count < 30 else "")
    axis.set(xlim=(0, second * stem.duration_s), ylim=_RANGE_DB, ylabel="dB")
    axis.grid(alpha=0.3)


def agreement_curve(stem: Sound, uncertainty: Sound, edges: NDArray[np.int_]) -> NDArray[np.float64]:
    """Energy of the stem over that of its uncertainty, in dB, between `edges` [shape=(len(edges) - 1,)].

    NaN where the stem is silent: there is no ratio then.
    """
    of_stem, of_error = _energies(stem, edges), _energies(uncertainty, edges)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(of_stem > 0, 10 * np.log10(of_stem / of_error), np.nan)


def _energies(audio: Sound, edges: NDArray[np.int_]) -> NDArray[np.float64]:
    """Energy between edges, a few columns at a time, so that a long recording is never copied."""
    return np.concatenate(list(_block_energies(audio, edges)))


def _block_energies(audio: Sound, edges: NDArray[np.int_]) -> Iterable[NDArray[np.float64]]:
    for start in range(0, len(edges) - 1, _BLOCK_COLUMNS):
        block = edges[start : start + _BLOCK_COLUMNS + 1]
        squares = np.square(audio.samples[:, block[0] : block[-1]], dtype=np.float64).sum(axis=0)
        yield np.add.reduceat(squares, block[:-1] - block[0])
