"""Dynamic time warping between two sequences of vectors, either of which may begin or end before the other.

References
----------
Sakoe and Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE Transactions on
Acoustics, Speech, and Signal Processing 26(1), 1978.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sepkit import large

_DIAGONAL, _DOWN, _RIGHT, _ENTRY = range(4)


def warping_path(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    first: NDArray[np.intp] | None = None,
    width: int | None = None,
    spare: int = 0,
    each_row: Callable[[], None] = lambda: None,
) -> tuple[NDArray[np.intp], float]:
    """Find the path of least cost through the half squared distances of all pairs of vectors.

    It goes by steps (1, 1), (1, 0) and (0, 1), from an edge of the matrix at its low side to one at its high side. What
    it leaves out of either sequence before and after costs half of what it would cost beside silence, the zero vector:
    an unmatched pair costs as much as one that has nothing in common.

    Parameters
    ----------
    x : ndarray [shape=(rows, values)]
    y : ndarray [shape=(columns, values)]
    first : ndarray [shape=(rows,)], optional
        The first column that the path may visit in each row; never decreasing, from 0 to ``columns - width``.
    width : int, optional
        How many columns of each row it may visit. Time and memory grow with ``rows * width``.
    spare : int
        How many rows at either end cost nothing if they are left out.
    each_row : callable, optional
        Called for every row; what it raises ends the search.

    Returns
    -------
    path : ndarray [shape=(2, points)]
        Rows and columns.
    cost : float
        Of the path and of all that it leaves out.
    """
    rows, columns = len(x), len(y)
    if first is None or width is None:
        first, width = np.zeros(rows, np.intp), columns
    half_x, half_y = (np.einsum("ij,ij->i", values, values, dtype=np.float64) / 2 for values in (x, y))
    needed_x = np.where(np.minimum(np.arange(rows), np.arange(rows)[::-1]) < spare, 0, half_x)
    before_x, before_y = (np.concatenate(([0], np.cumsum(half) / 2)) for half in (needed_x, half_y))
    after_x, after_y = before_x[-1] - before_x, before_y[-1] - before_y
    steps = large.empty((rows, width), np.uint8)
    best, end = np.inf, (0, 0)
    for row in range(rows):
        each_row()
        start, stop = first[row], first[row] + width
        cost = np.maximum(half_x[row] + half_y[start:stop] - y[start:stop] @ x[row], 0)
        if row == 0:
            total, step = before_y[start:stop].copy(), np.full(width, _ENTRY, np.uint8)
        else:
            moved = start - first[row - 1]
            above = np.concatenate(([np.inf], total, np.full(moved, np.inf)))[moved : moved + width + 1]
            step = np.where(above[:-1] <= above[1:], _DIAGONAL, _DOWN).astype(np.uint8)
            total = np.minimum(above[:-1], above[1:])
            if start == 0 and before_x[row] < total[0]:
                total[0], step[0] = before_x[row], _ENTRY
        # Going right from column k to j costs the sum of cost[k + 1 : j + 1], a difference of cumulative sums.
        along = np.cumsum(cost)
        total += cost - along
        least = np.minimum.accumulate(total)
        step[least < total] = _RIGHT
        total = least + along
        steps[row] = step
        if stop == columns and total[-1] + after_x[row + 1] < best:
            best, end = float(total[-1] + after_x[row + 1]), (row, width - 1)
    last = total + after_y[first[-1] + 1 : first[-1] + width + 1]
    if last.min() < best:
        best, end = float(last.min()), (rows - 1, int(last.argmin()))
    return _traced_back(steps, first, *end), best


def _traced_back(steps: NDArray[np.uint8], first: NDArray[np.intp], row: int, place: int) -> NDArray[np.intp]:
    # From its end to its start, which lie no further apart than so many steps.
    path: NDArray[np.intp] = large.empty((2, row + int(first[row]) + place + 1), np.intp)
    point = 0
    path[:, point] = row, first[row] + place
    while (step := steps[row, place]) != _ENTRY:
        if step == _RIGHT:
            place -= 1
        else:
            place += first[row] - first[row - 1] - (step == _DIAGONAL)
            row -= 1
        point += 1
        path[:, point] = row, first[row] + place
    return path[:, point::-1]
