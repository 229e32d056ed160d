"""Reading references and estimates side by side, energies and their ratios in decibels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sepkit.evaluation.stems import Stems
from sepkit.problem.run import Run

_BLOCK_VALUES = 1 << 18


def paired_blocks(
    references: Stems, estimates: Stems, run: Run, stage: str, length: int | None = None
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """All samples of both, block by block, with progress.

    Parameters
    ----------
    references, estimates : Stems
        Of the same length.
    run : Run
    stage : str
        Under which progress is reported.
    length : int, optional
        Of a block, in samples; by default some megabytes.

    Yields
    ------
    truth, guess : ndarray [shape=(sources, channels, samples)]
    """
    length = length or max(1, _BLOCK_VALUES // (len(references.names + estimates.names) * references.channels))
    blocks = zip(references.blocks(length), estimates.blocks(length), strict=True)
    for _ in run.steps(-(-references.length // length), stage):
        yield next(blocks)


def energies(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of every source, over all channels together [shape=(sources,)]."""
    summed: NDArray[np.float64] = np.einsum("sct,sct->s", samples, samples)
    return summed


def decibels(signal: NDArray[np.floating], noise: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ratio of two energies in dB: infinite without noise, minus infinite without signal, NaN without both."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: NDArray[np.float64] = 10 * (np.log10(signal) - np.log10(noise))
    return ratio
