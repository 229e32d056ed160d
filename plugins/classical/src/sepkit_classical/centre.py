"""The method `centre`: what both channels have alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT
from sepkit_classical.config import CentreConfig
from sepkit_classical.stereo import remark_on_one_place

PARTS = ("centre", "sides")


class Centre(Separator[CentreConfig]):
    """The centre of the stereo image, by how similar both channels are in every bin.

    References
    ----------
    C. Avendano and J.-M. Jot, "A frequency-domain approach to multichannel upmix", JAES 52(7/8), 2004.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, samples, rate = self.config, problem.mixture.samples, problem.mixture.sample_rate
        remark_on_one_place(samples, run)
        stft = STFT.of_duration(config.window_s, config.overlap, rate)

        def masks(block: slice) -> NDArray[np.floating]:
            centre = similarity(*stft.forward(samples, block)) ** np.float32(config.exponent)
            return np.stack([centre, 1 - centre])

        stems = stft.filter(samples, masks, len(PARTS), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem, rate) for name, stem in zip(PARTS, stems, strict=True)}


def similarity(left: NDArray[np.complexfloating], right: NDArray[np.complexfloating]) -> NDArray[np.floating]:
    """From 1, where level and phase of both are the same, to 0, where only one sounds or they are a quarter turn apart.

    Parameters
    ----------
    left, right : ndarray [shape=(bins, frames)]
    """
    power = np.square(np.abs(left)) + np.square(np.abs(right))
    alike = 2 * np.real(left * right.conj())
    return np.asarray(np.clip(np.divide(alike, power, out=np.zeros_like(power), where=power > 0), 0, 1))
