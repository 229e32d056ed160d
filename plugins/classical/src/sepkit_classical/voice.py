"""What methods for voice and accompaniment share: magnitudes of both, and masks from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.music.side import SideInformation
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit_classical.config import VoiceConfig
from sepkit_classical.spans import SpannedMasks

Array = NDArray[np.floating]
C = TypeVar("C", bound=VoiceConfig)

PARTS = ("vocals", "accompaniment")


@dataclass(frozen=True, eq=False)
class Heard:
    """A span of a recording, as models of voice and accompaniment see it.

    Attributes
    ----------
    V : ndarray [shape=(bins, frames)]
        Mean magnitudes of the channels.
    stft : STFT
    sample_rate : int
    samples : ndarray [shape=(channels, samples)]
        Of the whole recording.
    frames_s : ndarray [shape=(frames,)]
        Centres of the frames.
    known : SideInformation
    f0_hz : ndarray [shape=(frames,)]
        NaN, for methods that find F0 of the voice to put it there.
    run : Run
    """

    V: Array
    stft: STFT
    sample_rate: int
    samples: NDArray[np.float32]
    frames_s: Array
    known: SideInformation
    f0_hz: NDArray[np.float64]
    run: Run

    @property
    def bins_hz(self) -> NDArray[np.float64]:
        """Centres of the bins [shape=(bins,)]."""
        return self.stft.bins_hz(self.sample_rate)

    def frames(self, duration_s: float) -> int:
        """Number of frames of a duration, at least one."""
        return frames_of(duration_s, self.stft, self.sample_rate)


class VoiceSeparator(Separator[C]):
    """Tell voice and accompaniment apart by their magnitudes. Channels share their masks."""

    @abstractmethod
    def magnitudes(self, heard: Heard) -> Array:
        """Magnitudes of voice and accompaniment [shape=(2, bins, frames)]."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, samples, rate = self.config, problem.mixture.samples, problem.mixture.sample_rate
        stft = STFT.of_duration(config.window_s, config.overlap, rate)
        frames_s = stft.frames_s(samples.shape[-1], rate)
        f0_hz = np.full(len(frames_s), np.nan)

        def find(span: slice) -> Array:
            V = mean_magnitudes(stft, samples, span)
            heard = Heard(V, stft, rate, samples, frames_s[span], problem.side_information, f0_hz[span], run)
            return voice_masks(self.magnitudes(heard), heard.bins_hz, config)

        masks = SpannedMasks(len(frames_s), frames_of(config.span_s, stft, rate), find, run)
        stems = filtered(problem.mixture, stft, masks, run)
        if np.isfinite(f0_hz).any():
            run.keep(problem.layout(sources=PARTS[:1], frames_s=frames_s), {Domain.F0: f0_hz[np.newaxis]})
        return stems


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
