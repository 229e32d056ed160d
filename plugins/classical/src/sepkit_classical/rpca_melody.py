"""The method `rpca-melody`: what is sparse and lies at the partials of the melody is the voice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.spectral import soft_masks
from sepkit_classical.config import RPCAMelodyConfig
from sepkit_classical.rpca import sparse_and_low_rank
from sepkit_classical.voice import Heard, VoiceSeparator
from sepkit_classical.voice_f0 import partials_of_voice, require_voice

Array = NDArray[np.floating]


class RPCAMelody(VoiceSeparator[RPCAMelodyConfig]):
    """Robust PCA and subharmonic summation, each with the help of the other.

    The sparse part shows the melody better than the mixture does, and the melody tells which of the sparse part is
    sung: the masks of both are multiplied.

    References
    ----------
    Y. Ikemiya, K. Itoyama and K. Yoshii, "Singing voice separation and vocal F0 estimation based on mutual combination
    of robust principal component analysis and subharmonic summation", IEEE/ACM TASLP 24(11), 2016.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        require_voice(problem.side_information, run)
        return super().separate(problem, run)

    def magnitudes(self, heard: Heard) -> Array:
        config = self.config
        parts = sparse_and_low_rank(heard, config)
        partials = partials_of_voice(heard, config, parts)
        sung = soft_masks(parts)[0] ** np.float32(config.sparse_exponent)
        sung *= partials ** np.float32(config.partials_exponent)
        return np.asarray(heard.V * np.stack([sung, 1 - sung]))
