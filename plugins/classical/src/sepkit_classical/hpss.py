"""The method `hpss`: tones are lines along time, strokes are lines along frequency."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT
from sepkit_classical.config import HPSSConfig
from sepkit_classical.part_masks import PartMasks

PARTS = ("harmonic", "percussive", "residual")


class HPSS(Separator[HPSSConfig]):
    """Harmonic-percussive separation.

    Tones are lines along time in a spectrogram, strokes are lines along frequency: each part is what smoothing along
    its lines leaves, and takes its share of the mixture by a mask. With a separation factor above 1, what is clearly
    neither is the residual; with 1 there is none. Channels share their masks.

    References
    ----------
    D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
    D. Fitzgerald, A. Liutkus, Z. Rafii, B. Pardo and L. Daudet, "Harmonic/percussive separation using kernel additive
    modelling", ISSC 2014.
    J. Driedger, M. Müller and S. Disch, "Extending harmonic-percussive separation of audio signals", ISMIR 2014.
    """

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of its stems: of all parts in which there can be anything."""
        return PARTS if self.config.separation_factor > 1 else PARTS[:2]

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, samples, rate = self.config, problem.mixture.samples, problem.mixture.sample_rate
        stft = STFT.of_duration(config.window_s, config.overlap, rate)
        masks = PartMasks(samples, rate, stft, config)
        stems = stft.filter(samples, masks, len(self.sources), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem, rate) for name, stem in zip(self.sources, stems, strict=True)}
