"""Fitting the mixture to a method's one sample rate and channel count, and its stems back to the mixture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from sepkit.music.audio import Audio, fit_length
from sepkit.solving.run import Run
from sepkit.spectral import STFT, soft_masks
from sepkit.spectral_config import WINDOW_S


@dataclass(frozen=True)
class Adaptation:
    """The way from the caller's mixture to the method's, and back.

    Attributes
    ----------
    mixture : Audio
        As the caller gave it.
    sample_rate : int
        That the method works at.
    channels : int
        That the method takes.
    """

    mixture: Audio
    sample_rate: int
    channels: int

    @classmethod
    def between(cls, mixture: Audio, sample_rate: int | None, channels: int | None) -> Adaptation:
        """From `mixture` to a rate and a number of channels; None for those that it has."""
        return cls(mixture, sample_rate or mixture.sample_rate, channels or mixture.channels)

    @property
    def steps(self) -> tuple[str, ...]:
        """What is done, in words, for the provenance."""
        steps = []
        if self.channels != self.mixture.channels:
            back = "" if self.mixture.channels == 1 else "; every channel Wiener-filtered with the stems' masks"
            steps.append(f"{self.mixture.channels} channels to {self.channels}{back}")
        if self.sample_rate != self.mixture.sample_rate:
            steps.append(f"{self.mixture.sample_rate} Hz to {self.sample_rate} Hz and back")
        return tuple(steps)

    def adapted(self) -> Audio:
        """The mixture as the method wants it."""
        mixture = self.mixture
        if self.channels != mixture.channels:
            mono = mixture.mixdown()
            mixture = Audio(np.broadcast_to(mono.samples, (self.channels, mono.length)), mono.sample_rate)
        return mixture.resample(self.sample_rate)

    def restored(self, stems: Mapping[str, Audio], run: Run) -> dict[str, Audio]:
        """The stems at the mixture's rate and length, with its channels."""
        rate, length = self.mixture.sample_rate, self.mixture.length
        if self.sample_rate != rate:
            resampled = ((name, stem.resample(rate)) for name, stem in stems.items())
            stems = {name: Audio(fit_length(stem.samples, length), rate) for name, stem in resampled}
        if self.channels == self.mixture.channels:
            return dict(stems)
        mono = {name: stem.mixdown() for name, stem in stems.items()}
        return mono if self.mixture.channels == 1 else wiener_filter(self.mixture, mono, run)

    def restored_uncertainty(self, uncertainty: Mapping[str, Audio]) -> dict[str, Audio]:
        """Standard deviations of stems at the mixture's rate and length, with its channels.

        A channel that is louder than the mixdown, of which the method was unsure, is as much more uncertain.
        """
        rate, length, channels = self.mixture.sample_rate, self.mixture.length, self.mixture.channels
        restored = {}
        for name, spread in uncertainty.items():
            # Interpolation between standard deviations can fall below zero.
            samples = np.maximum(fit_length(spread.resample(rate).samples, length), 0)
            if self.channels != channels:
                samples = samples.mean(axis=0) * _relative_levels(self.mixture)[:, np.newaxis]
            restored[name] = Audio(samples, rate)
        return restored


def _relative_levels(mixture: Audio) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Root mean square of every channel over that of the mixdown [shape=(channels,)]; 1 where the mixdown is silent."""
    powers = np.mean(np.square(mixture.samples, dtype=np.float64), axis=-1)
    power = np.mean(np.square(mixture.mixdown().samples, dtype=np.float64))
    levels: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = np.ones(mixture.channels, np.float32)
    if power > 0:
        levels[:] = np.sqrt(powers / power)
    return levels


def wiener_filter(mixture: Audio, stems: Mapping[str, Audio], run: Run) -> dict[str, Audio]:
    """Filter every channel of `mixture` with the masks of mono stems.

    What the stems leave of the mixdown takes part in the masks as one more source, so that nothing is forced on the
    stems that they did not claim.

    Parameters
    ----------
    mixture : Audio
    stems : mapping of str to Audio
        One channel each, aligned with the mixture.
    run : Run

    Returns
    -------
    stems : dict of str to Audio
        With the mixture's channels.
    """
    rate = mixture.sample_rate
    stft = STFT.of_duration(WINDOW_S, 4, rate)
    mixdown = mixture.mixdown().samples[0]

    def masks(block: slice) -> np.ndarray[tuple[int, ...], np.dtype[np.floating]]:
        spectra = [stft.forward(stem.samples[0], block) for stem in stems.values()]
        residual = stft.forward(mixdown, block) - sum(spectra)
        return soft_masks(np.abs(np.stack([*spectra, residual])))[:-1]

    steps = partial(run.steps, stage="filter all channels")
    filtered = stft.filter(mixture.samples, masks, len(stems), steps=steps)
    return {name: Audio(stem, rate) for name, stem in zip(stems, filtered, strict=True)}
