"""The separator: masks of blocks of frames, each seen with as many frames around it as its kernels reach."""

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
from sepkit_hpss.config import HPSSConfig
from sepkit_hpss.kernels import harmonic_percussive

PARTS = ("harmonic", "percussive")


class HPSS(Separator[HPSSConfig]):
    """Harmonic-percussive separation.

    Tones are lines along time in a spectrogram, strokes are lines along frequency: each part is what smoothing along
    its lines leaves, and takes its share of the mixture by a soft mask. Channels share their masks.

    References
    ----------
    D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
    D. Fitzgerald, A. Liutkus, Z. Rafii, B. Pardo and L. Daudet, "Harmonic/percussive separation using kernel additive
    modelling", ISSC 2014.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, samples, rate = self.config, problem.mixture.samples, problem.mixture.sample_rate
        stft = STFT.of_duration(config.window_s, config.overlap, rate)
        frames = 2 * round(config.harmonic_s * rate / stft.hop / 2) + 1
        bins = 2 * round(config.percussive_hz * stft.window_length / rate / 2) + 1
        reach = config.iterations * (frames // 2)
        last = stft.frames(samples.shape[-1])

        def masks(block: slice) -> NDArray[np.floating]:
            seen = slice(max(0, block.start - reach), min(block.stop + reach, last))
            A = np.abs(stft.forward(samples, seen)).mean(axis=0)
            both = harmonic_percussive(
                A,
                frames,
                bins,
                kernel=config.kernel,
                iterations=config.iterations,
                exponent=config.mask_exponent,
            )
            return both[:, :, block.start - seen.start : block.stop - seen.start]

        stems = stft.filter(samples, masks, len(PARTS), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem, rate) for name, stem in zip(PARTS, stems, strict=True)}
