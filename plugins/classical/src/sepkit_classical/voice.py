"""What methods for voice and accompaniment share: magnitudes of both, and masks from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit_classical.config import VoiceConfig
from sepkit_classical.spans import SpannedMasks

Array = NDArray[np.floating]
C = TypeVar("C", bound=VoiceConfig)

PARTS = ("vocals", "accompaniment")


class VoiceSeparator(Separator[C]):
    """Tell voice and accompaniment apart by their magnitudes. Channels share their masks."""

    @abstractmethod
    def magnitudes(self, V: Array, stft: STFT, sample_rate: int, run: Run) -> Array:
        """Magnitudes of voice and accompaniment [shape=(2, bins, frames)].

        Parameters
        ----------
        V : ndarray [shape=(bins, frames)]
            Mean magnitudes of the channels, for a span of the recording.
        stft : STFT
        sample_rate : int
        run : Run
        """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, samples, rate = self.config, problem.mixture.samples, problem.mixture.sample_rate
        stft = STFT.of_duration(config.window_s, config.overlap, rate)

        def find(span: slice) -> Array:
            V = mean_magnitudes(stft, samples, span)
            return voice_masks(self.magnitudes(V, stft, rate, run), stft.bins_hz(rate), config)

        masks = SpannedMasks(stft.frames(samples.shape[-1]), frames_of(config.span_s, stft, rate), find, run)
        return filtered(problem.mixture, stft, masks, run)


def filtered(mixture: Audio, stft: STFT, masks: Callable[[slice], Array], run: Run) -> dict[str, Audio]:
    """The stems of voice and accompaniment."""
    stems = stft.filter(mixture.samples, masks, len(PARTS), steps=partial(run.steps, stage="filter"))
    return {name: Audio(stem, mixture.sample_rate) for name, stem in zip(PARTS, stems, strict=True)}


def mean_magnitudes(stft: STFT, samples: NDArray[np.float32], frames: slice) -> Array:
    """Mean of the channels' magnitudes [shape=(bins, frames)]; channels cannot cancel in it."""
    total = np.abs(stft.forward(samples[0], frames))
    for channel in samples[1:]:
        total += np.abs(stft.forward(channel, frames))
    return np.asarray(total / len(samples))


def beside_background(V: Array, background: Array) -> Array:
    """Magnitudes of voice and accompaniment where a model of the accompaniment may not exceed the mixture.

    Parameters
    ----------
    V, background : ndarray [shape=(bins, frames)]
    """
    accompaniment = np.minimum(background, V)
    return np.stack([V - accompaniment, accompaniment])


def voice_masks(magnitudes: Array, bins_hz: Array, config: VoiceConfig) -> Array:
    """Masks of voice and accompaniment, which sum to one.

    Parameters
    ----------
    magnitudes : ndarray [shape=(2, bins, frames)]
    bins_hz : ndarray [shape=(bins,)]
    config : VoiceConfig
    """
    masks = soft_masks(magnitudes, config.exponent)
    masks[0, bins_hz < config.voice_from_hz] = 0
    masks[1] = 1 - masks[0]
    return masks


def frames_of(duration_s: float, stft: STFT, sample_rate: int) -> int:
    """Number of frames of a duration, at least one."""
    return max(1, round(duration_s * sample_rate / stft.hop))
