"""What methods for stereo share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.spectral import STFT


def stem_names(problem: Problem, count: int) -> tuple[str, ...]:
    """The sources asked for, or as many as are wanted."""
    return problem.sources or tuple(f"source-{number}" for number in range(1, count + 1))


def remark_on_one_place(samples: NDArray[np.floating], run: Run) -> None:
    """Tell the user where there is nothing to go by.

    Parameters
    ----------
    samples : ndarray [shape=(2, samples)]
    run : Run
    """
    silent = [name for name, channel in zip(("left", "right"), samples, strict=True) if not channel.any()]
    if len(silent) == 1:
        why = f"the {silent[0]} channel is silent"
    elif not silent and np.array_equal(samples[0], samples[1]):
        why = "both channels are the same"
    else:
        return
    run.remark(f"{why}: all that sounds comes from one place, and nothing tells sources apart")


def thinned(
    stft: STFT, samples: NDArray[np.floating], points: int, steps: Callable[[int], Iterator[int]]
) -> NDArray[np.complexfloating]:
    """Spectra of both channels at frames spread evenly over the recording [shape=(2, bins, frames)].

    Parameters
    ----------
    stft : STFT
    samples : ndarray [shape=(2, samples)]
    points : int
        Bins times frames, at most; one frame is always there.
    steps : callable
        Wraps the loop over frames.
    """
    frames = stft.frames(samples.shape[-1])
    wanted = max(1, points // stft.bins)
    chosen = np.unique(np.linspace(0, frames - 1, min(frames, wanted)).round().astype(np.intp))
    spectra = np.empty((2, stft.bins, len(chosen)), np.complex64)
    for index in steps(len(chosen)):
        spectra[..., index] = stft.forward(samples, slice(chosen[index], chosen[index] + 1))[..., 0]
    return spectra
