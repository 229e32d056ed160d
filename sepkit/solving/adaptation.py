"""Fitting the mixture to a method's one sample rate and channel count, and its stems back to the mixture.

Two things are lost on the way there, and dealt with by rule on the way back:

- **Channels.** A mono method gets the mean of the channels, and every channel is then filtered with its stems' masks.
  Where the channels cancel in the mean, as those in opposite phase do, it gets their first principal component.
- **The band above.** What a method at a lower rate does not hear, above half its sample rate, is shared among the stems
  in proportion to their energies in the octave below, frame by frame; what the stems leave of the mixture there takes
  part, and its share stays in the residual.

Both are remarked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.music.audio import Audio
from sepkit.music.side import SideInformation
from sepkit.problem.run import Run
from sepkit.spectral import STFT, soft_masks
from sepkit.spectral_config import WINDOW_S

_CANCELLED = 1e-2
"""Power of the mean of the channels, beside the mean of their powers, below which they cancel."""
_FAINT = 1e-8
"""Energy in an octave, beside that of all that is heard, which tells nothing about who sounds there."""


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
            there = " by their first principal component" if self._cancels else ""
            back = "" if self.mixture.channels == 1 else "; every channel Wiener-filtered with the stems' masks"
            steps.append(f"{self.mixture.channels} channels to {self.channels}{there}{back}")
        if self.sample_rate != self.mixture.sample_rate:
            steps.append(f"{self.mixture.sample_rate} Hz to {self.sample_rate} Hz and back")
        return tuple(steps)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know of it, one sentence each."""
        remarks = []
        if self._cancels:
            remarks.append("the channels cancel in their mean; their first principal component is separated instead")
        if self._loses_band:
            top_hz = self.sample_rate / 2
            remarks.append(
                f"the method works at {self.sample_rate} Hz: above {top_hz:.0f} Hz the stems share the mixture "
                f"in proportion to their energies from {top_hz / 2:.0f} to {top_hz:.0f} Hz"
            )
        return tuple(remarks)

    def adapted(self) -> Audio:
        """The mixture as the method wants it."""
        return self.alike(self.mixture)

    def alike(self, audio: Audio) -> Audio:
        """Audio with the mixture's channels, such as a stem of it, made into what the method wants in the same way."""
        return self._rechannelled(audio).resample(self.sample_rate)

    def side_information(self, given: SideInformation) -> SideInformation:
        """What is given, with its audio as the method wants it: references mixed down like the mixture, examples to one
        channel where the method takes one.
        """
        examples = {
            name: tuple(
                (recording.mixdown() if self.channels == 1 else recording).resample(self.sample_rate)
                for recording in recordings
            )
            for name, recordings in given.examples.items()
        }
        references = {name: self.alike(reference) for name, reference in given.references.items()}
        return replace(given, examples=examples, references=references)

    def restored(self, stems: Mapping[str, Audio], run: Run) -> dict[str, Audio]:
        """The stems at the mixture's rate and length, with its channels."""
        rate, length = self.mixture.sample_rate, self.mixture.length
        stems = {name: stem.resample(rate, length) for name, stem in stems.items()}
        if self._loses_band:
            stems = share_band_above(self._rechannelled(self.mixture), stems, self.sample_rate, run)
        if self.channels == self.mixture.channels:
            return dict(stems)
        mono = {name: stem.mixdown() for name, stem in stems.items()}
        return mono if self.mixture.channels == 1 else wiener_filter(self.mixture, self._downmix, mono, run)

    def restored_uncertainty(self, uncertainty: Mapping[str, Audio]) -> dict[str, Audio]:
        """Standard deviations of stems at the mixture's rate and length, with its channels.

        A channel that is louder than the mixdown, of which the method was unsure, is as much more uncertain.
        """
        rate, length, channels = self.mixture.sample_rate, self.mixture.length, self.mixture.channels
        restored = {}
        for name, spread in uncertainty.items():
            # Interpolation between standard deviations can fall below zero.
            samples = spread.resample(rate, length).samples
            samples = np.maximum(samples, 0, out=large.empty(samples.shape))
            if self.channels != channels:
                mean, levels = Audio(samples, rate).mixdown(), _relative_levels(self.mixture, self._downmix)
                samples = np.multiply(mean.samples, levels[:, np.newaxis], out=large.empty((channels, length)))
            restored[name] = Audio(samples, rate)
        return restored

    @property
    def _loses_band(self) -> bool:
        return self.sample_rate < self.mixture.sample_rate

    @property
    def _cancels(self) -> bool:
        return self._principal is not None

    @cached_property
    def _downmix(self) -> Audio:
        return self._mono(self.mixture)

    @cached_property
    def _principal(self) -> NDArray[np.float32] | None:
        """Weights of the channels in their first principal component [shape=(channels,)]; None where the mean does."""
        if self.channels == self.mixture.channels or self.mixture.channels == 1:
            return None
        covariance = _covariance(self.mixture.samples)
        if covariance.mean() >= _CANCELLED * np.trace(covariance) / len(covariance):
            return None
        weights = np.linalg.eigh(covariance)[1][:, -1]
        # Of two signs the one in which the first channel that matters is upright.
        weights *= np.sign(weights[np.abs(weights) > 0.5 * np.abs(weights).max()][0])
        # As loud as the mean of channels that are in phase.
        principal: NDArray[np.float32] = (weights / np.abs(weights).sum()).astype(np.float32)
        return principal

    def _rechannelled(self, audio: Audio) -> Audio:
        if self.channels == audio.channels:
            return audio
        mono = self._mono(audio)
        return Audio(np.broadcast_to(mono.samples, (self.channels, mono.length)), mono.sample_rate)

    def _mono(self, audio: Audio) -> Audio:
        if self._principal is None:
            return audio.mixdown()
        principal = large.empty((1, audio.length))
        np.matmul(self._principal, audio.samples, out=principal[0])
        return Audio(principal, audio.sample_rate)


def _covariance(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean products of channels [shape=(channels, channels)]."""
    total: NDArray[np.float64] = np.zeros((len(samples), len(samples)))
    for span in large.spans(samples.shape[1]):
        block = samples[:, span].astype(np.float64)
        total += block @ block.T / samples.shape[1]
    return total


def _relative_levels(mixture: Audio, downmix: Audio) -> NDArray[np.float32]:
    """Root mean square of every channel over that of the downmix [shape=(channels,)]; 1 where the downmix is silent."""
    energies, energy = mixture.energies, downmix.energies[0]
    levels: NDArray[np.float32] = np.ones(mixture.channels, np.float32)
    if energy > 0:
        levels[:] = np.sqrt(energies / energy)
    return levels


def share_band_above(mixture: Audio, stems: Mapping[str, Audio], sample_rate: int, run: Run) -> dict[str, Audio]:
    """Give the stems their shares of what a method at a lower rate has not heard of the mixture.

    Parameters
    ----------
    mixture : Audio
    stems : mapping of str to Audio
        Of its shape and rate, silent in the band above.
    sample_rate : int
        That the method works at.
    run : Run

    Returns
    -------
    stems : dict of str to Audio
        With shares in proportion to energies in the octave below, frame by frame. What the stems leave of the mixture
        in that octave counts as one more source, whose share is given to none.
    """
    rate = mixture.sample_rate
    heard = mixture.resample(sample_rate).resample(rate, mixture.length).samples
    stft = STFT.of_duration(WINDOW_S, 4, rate)
    bins_hz = stft.bins_hz(rate)
    octave = (bins_hz >= sample_rate / 4) & (bins_hz < sample_rate / 2)
    left = large.empty(heard.shape)
    for span in large.spans(mixture.length):
        left[:, span] = heard[:, span] - sum(stem.samples[:, span] for stem in stems.values())

    def masks(block: slice) -> NDArray[np.floating]:
        spectra = [stft.forward(samples, block) for samples in (*(stem.samples for stem in stems.values()), left)]
        energies = [np.square(np.abs(one[:, octave])).sum(axis=(0, 1)) for one in spectra]
        energies[-1] += _FAINT * np.square(np.abs(sum(spectra))).sum(axis=(0, 1))
        return soft_masks(np.stack(energies))[:-1, np.newaxis]

    steps = partial(run.steps, stage="share the band above")
    above = np.subtract(mixture.samples, heard, out=large.empty(heard.shape))
    shares = stft.filter(above, masks, len(stems), steps=steps)
    for share, stem in zip(shares, stems.values(), strict=True):
        share += stem.samples
    return {name: Audio(share, rate) for name, share in zip(stems, shares, strict=True)}


def wiener_filter(mixture: Audio, downmix: Audio, stems: Mapping[str, Audio], run: Run) -> dict[str, Audio]:
    """Filter every channel of `mixture` with the masks of mono stems.

    What the stems leave of the downmix takes part in the masks as one more source, so that nothing is forced on the
    stems that they did not claim.

    Parameters
    ----------
    mixture : Audio
    downmix : Audio
        The one channel that the stems are stems of.
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

    def masks(block: slice) -> np.ndarray[tuple[int, ...], np.dtype[np.floating]]:
        spectra = [stft.forward(stem.samples[0], block) for stem in stems.values()]
        residual = stft.forward(downmix.samples[0], block) - sum(spectra)
        return soft_masks(np.abs(np.stack([*spectra, residual])))[:-1]

    steps = partial(run.steps, stage="filter all channels")
    filtered = stft.filter(mixture.samples, masks, len(stems), steps=steps)
    return {name: Audio(stem, rate) for name, stem in zip(stems, filtered, strict=True)}
