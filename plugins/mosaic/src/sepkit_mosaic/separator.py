"""The separator: find which frames of the examples sound when, add them up, and give the sum phases."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import SideInformationError
from sepkit.music.audio import Audio
from sepkit.phase import griffin_lim, spectral_convergence
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT
from sepkit_mosaic.activations import mosaic_activations
from sepkit_mosaic.config import MosaicConfig

_MOMENTUM = 0.99


class Mosaic(Separator[MosaicConfig]):
    """Audio mosaics.

    The mixture is the target: it is rebuilt from the very frames of the examples, in stretches that are long enough for
    their timbre to stay. With several sources each stem is what its examples contribute. Stems are synthesised: they
    have the examples' sound and the target's course, and the same in each channel.

    References
    ----------
    J. Driedger, T. Prätzlich and M. Müller, "Let it Bee: towards NMF-inspired audio mosaicing", ISMIR 2015.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, mixture = self.config, problem.mixture
        examples = problem.side_information.examples
        sources = problem.sources or tuple(examples)
        without = [source for source in sources if source not in examples]
        if without:
            raise SideInformationError(
                f"there is no example of '{', '.join(without)}' to take sounds from; give one by --example"
            )
        stft = STFT.of_duration(config.window_s, config.overlap, mixture.sample_rate)
        spectra = [
            [stft.forward(recording.mixdown().samples[0]) for recording in examples[source]] for source in sources
        ]
        lengths = [spectrum.shape[1] for takes in spectra for spectrum in takes]
        ends = list(accumulate(lengths))
        takes = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
        X = np.concatenate([spectrum for of_source in spectra for spectrum in of_source], axis=1)
        levels = np.abs(X).sum(axis=0)
        X /= np.where(levels > 0, levels, 1)
        owners = np.repeat(np.arange(len(sources)), [sum(one.shape[1] for one in of_source) for of_source in spectra])
        del spectra
        V = mean_magnitudes(stft, mixture.samples)
        # Frames lie contiguously, as blocks of them are worked on.
        mosaics = large.empty((len(sources), *V.T.shape), X.dtype).swapaxes(1, 2)
        for block, H in mosaic_activations(
            V,
            np.abs(X),
            takes=takes,
            repetition=config.repetition,
            polyphony=config.polyphony,
            continuity=config.continuity,
            iterations=config.iterations,
            steps=partial(run.steps, stage="lay out"),
        ):
            for number in range(len(sources)):
                mosaics[number, :, block] = X[:, owners == number] @ H[owners == number]
            # Before the next are made.
            del H
        del V, X
        stems = {}
        for source, spectrum in zip(sources, mosaics, strict=True):
            stem = self._with_phases(spectrum, stft, mixture.length, source, run)
            stems[source] = Audio(np.broadcast_to(stem, (mixture.channels, mixture.length)), mixture.sample_rate)
        return stems

    def _with_phases(
        self, spectrum: NDArray[np.complexfloating], stft: STFT, length: int, source: str, run: Run
    ) -> NDArray[np.floating]:
        """The signal whose spectrogram comes close, from the phases that the sounds had."""
        magnitude = large.empty(spectrum.T.shape).T
        for block in stft.blocks(length):
            np.abs(spectrum[:, block], out=magnitude[:, block])
        signal = griffin_lim(
            magnitude,
            stft,
            length,
            start=spectrum,
            iterations=self.config.phase_iterations,
            momentum=_MOMENTUM,
            steps=partial(run.steps, stage=f"phases of {source}"),
        )
        run.trace(f"spectral convergence of {source}", [spectral_convergence(signal, magnitude, stft)])
        return signal


def mean_magnitudes(stft: STFT, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the channels' magnitudes [shape=(bins, frames)], in which they cannot cancel."""
    V = large.empty((stft.frames(samples.shape[1]), stft.bins)).T
    for block in stft.blocks(samples.shape[1], copies=len(samples)):
        V[:, block] = np.abs(stft.forward(samples, block)).mean(axis=0)
    return V
