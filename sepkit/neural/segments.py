"""Networks that separate a few seconds at once, applied to recordings of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sepkit import large

Samples = NDArray[np.floating]


def overlap_add(
    separate: Callable[[Samples], Samples],
    mixture: Samples,
    sources: int,
    segment: int,
    *,
    overlap: float = 0.25,
    shifts: int = 1,
    steps: Callable[[int], Iterable[int]] = range,
) -> NDArray[np.float32]:
    """Separate overlapping segments and fade from each to the next.

    Where segments overlap, each counts by how near its middle is. The last one ends where the recording does, so that
    it knows of as much as the others; segments longer than the recording are filled up with silence. Beside the stems
    no more than one segment is held.

    Parameters
    ----------
    separate : callable
        From a segment of the mixture [shape=(channels, segment)] to its stems [shape=(sources, channels, segment)].
    mixture : ndarray [shape=(channels, samples)]
    sources : int
    segment : int
        In samples.
    overlap : float
        Part of a segment that the next one covers too, from 0 and below 1.
    shifts : int
        How often to separate, with the segments moved on by as many parts of their hop each time; the mean of all
        is less marked by where segments lie. With as many times the time that it takes.
    steps : callable
        From the number of all segments to an iterable of that length, as ``partial(run.steps, stage=...)`` gives.

    Returns
    -------
    stems : ndarray [shape=(sources, channels, samples)]

    Examples
    --------
    >>> import numpy as np
    >>> halves = overlap_add(lambda part: np.stack([part, part]) / 2, np.ones((1, 10)), 2, segment=4, overlap=0.5)
    >>> halves.shape, bool(np.allclose(halves, 0.5))
    ((2, 1, 10), True)
    """
    channels, length = mixture.shape
    hop = max(1, round(segment * (1 - overlap)))
    starts = [start for shift in range(shifts) for start in _starts(length, segment, hop, shift * hop // shifts)]
    fade = 1 - np.abs(np.arange(segment, dtype=np.float32) - (segment - 1) / 2) * (2 / (segment + 1))
    stems: NDArray[np.float32] = large.zeros((sources, channels, length))
    weights: NDArray[np.float32] = large.zeros((length,))
    for index in steps(len(starts)):
        start = starts[index]
        inside = slice(max(start, 0), min(start + segment, length))
        within = slice(inside.start - start, inside.stop - start)
        part = np.zeros((channels, segment), mixture.dtype)
        part[:, within] = mixture[:, inside]
        stems[..., inside] += separate(part)[..., within] * fade[within]
        weights[inside] += fade[within]
    for span in large.spans(length, rows=sources * channels):
        stems[..., span] /= weights[span]
    return stems


def _starts(length: int, segment: int, hop: int, before: int) -> list[int]:
    """Where segments start so that they cover the signal: the first one `before` its start, the last one at its end."""
    last = max(length - segment, -before)
    return [*range(-before, last, hop), last]
