"""The method `melody`: the lead voice by its F0 and its filters, over an accompaniment of low rank."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit_classical.config import MelodyConfig
from sepkit_classical.lead import LeadModel
from sepkit_classical.voice import Heard, VoiceSeparator
from sepkit_classical.voice_f0 import partials_of_voice, require_voice

Array = NDArray[np.floating]


class Melody(VoiceSeparator[MelodyConfig]):
    """A source-filter model of the lead voice beside a nonnegative matrix factorisation of the accompaniment.

    F0 of the voice is given, or is the melody: the best path through the salience of the sparse part of the
    spectrogram. Then voice and accompaniment are fitted to the mixture together.

    References
    ----------
    J.-L. Durrieu, G. Richard, B. David and C. Févotte, "Source/filter model for unsupervised main melody extraction
    from polyphonic audio signals", IEEE TASLP 18(3), 2010.
    J.-L. Durrieu, B. David and G. Richard, "A musically motivated mid-level representation for pitch estimation and
    musical audio source separation", IEEE JSTSP 5(6), 2011.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        require_voice(problem.side_information, run)
        return super().separate(problem, run)

    def magnitudes(self, heard: Heard) -> Array:
        config, level = self.config, float(heard.V.mean())
        if not level:
            return np.zeros((2, *heard.V.shape), heard.V.dtype)
        model = LeadModel.drawn(
            partials_of_voice(heard, config),
            heard.bins_hz,
            rank=config.rank,
            filters=config.filters,
            noise=config.unvoiced,
            rng=heard.run.rng,
        )
        V = heard.V / np.float32(level)
        for _ in range(config.updates):
            heard.run.check_cancelled()
            model.update(V)
        return np.stack([model.voice, model.accompaniment])
