"""Ward's grouping. SciPy's takes longer to import than a short recording takes to separate.

References
----------
Ward, "Hierarchical grouping to optimize an objective function", JASA 58(301), 1963.
Murtagh, "A survey of recent advances in hierarchical clustering algorithms", The Computer Journal 26(4), 1983
(chains of nearest neighbours).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ward(points: NDArray[np.float64], groups: int) -> NDArray[np.intp]:
    """The group of every point, numbered from 0, where each merger raises the scatter within groups the least.

    Parameters
    ----------
    points : ndarray [shape=(points, dimensions)]
    groups : int
        From 1 to the number of points.

    Returns
    -------
    labels : ndarray [shape=(points,)]
    """
    mergers = sorted(_mergers(points), key=lambda merger: merger[0])
    group = np.arange(len(points))
    for _, kept, gone in mergers[: len(points) - groups]:
        group[group == group[gone]] = group[kept]
    return np.unique(group, return_inverse=True)[1]


def _mergers(points: NDArray[np.float64]) -> list[tuple[float, int, int]]:
    """By how much each merger raises the scatter, and a point of either group; groups merge before what holds them."""
    centres, sizes = points.copy(), np.ones(len(points))
    mergers: list[tuple[float, int, int]] = []
    chain: list[int] = []
    while len(mergers) < len(points) - 1:
        if not chain:
            chain.append(int(np.flatnonzero(sizes)[0]))
        last = chain[-1]
        rise = np.square(centres - centres[last]).sum(axis=1)
        rise *= sizes[last] * sizes / np.maximum(sizes[last] + sizes, 1)
        rise[sizes == 0] = np.inf
        rise[last] = np.inf
        nearest = int(rise.argmin())
        if len(chain) > 1 and rise[chain[-2]] <= rise[nearest]:
            kept, gone = chain[-2:]
            del chain[-2:]
            mergers.append((float(rise[kept]), kept, gone))
            both = sizes[kept] + sizes[gone]
            centres[kept] += (centres[gone] - centres[kept]) * (sizes[gone] / both)
            sizes[kept], sizes[gone] = both, 0
        else:
            chain.append(nearest)
    return mergers
