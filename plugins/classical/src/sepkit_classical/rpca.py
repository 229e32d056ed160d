"""The method `rpca`: accompaniment is of low rank, voice is sparse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit_classical.config import RPCAConfig
from sepkit_classical.robust_pca import robust_pca
from sepkit_classical.voice import Heard, VoiceSeparator

Array = NDArray[np.floating]


class RPCA(VoiceSeparator[RPCAConfig]):
    """Robust principal component analysis.

    An accompaniment plays the same sounds again and again: its spectrogram has a low rank. A singer varies from moment
    to moment and sounds in few bins at a time: that is the sparse part.

    References
    ----------
    P.-S. Huang, S. D. Chen, P. Smaragdis and M. Hasegawa-Johnson, "Singing-voice separation from monaural recordings
    using robust principal component analysis", ICASSP 2012.
    """

    def magnitudes(self, heard: Heard) -> Array:
        return sparse_and_low_rank(heard, self.config)


def sparse_and_low_rank(heard: Heard, config: RPCAConfig) -> Array:
    """Magnitudes of both parts [shape=(2, bins, frames)], the sparse one first."""
    low_rank, sparse = robust_pca(
        heard.V,
        config.sparsity * max(heard.V.shape) ** -0.5,
        tolerance=config.tolerance,
        max_iterations=config.iterations,
        check=heard.run.check_cancelled,
    )
    return np.asarray(np.abs(np.stack([sparse, low_rank])))
