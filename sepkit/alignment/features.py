"""What a recording and a score have in common: how strong each pitch is, and how strongly each sets in.

Both are described on the same scale of semitones. A recording's spectrum is pooled into semitones; the notes of a score
bring their partials, seen through the same window. What counts is what stands out from the octave around it.

References
----------
Ewert, Müller and Grosche, "High resolution audio synchronization using chroma onset features", ICASSP 2009.
Müller, "Fundamentals of Music Processing", chapter 3, Springer 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sepkit.alignment.tuning import tuning_cents
from sepkit.audio import Audio
from sepkit.spectral import STFT

FRAMES_HZ = 100
"""Frames of features a second."""

PITCHES = np.arange(28, 101)
"""E1 to E7: beyond these lie few partials by which notes can be told apart."""

_SAMPLE_RATE = 16000
_SUSTAIN = STFT(2048, _SAMPLE_RATE // FRAMES_HZ)
_ATTACK = STFT(512, _SAMPLE_RATE // FRAMES_HZ)

_PARTIALS = 10
_ROLL_OFF = 0.6
_DECAY_S = 2.0

_SUSTAIN_COMPRESSION, _ATTACK_COMPRESSION = 30.0, 10.0
_FAINTEST_ATTACK = 0.25
_ATTACK_DECAY = 0.75
_ATTACK_FRAMES = 12
_FAINTEST = 0.1

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """What is compared.

    Attributes
    ----------
    pitches : ndarray [shape=(frames, pitches)]
        How far each pitch stands out.
    onsets : ndarray [shape=(frames, pitches)]
        How strongly each pitch sets in, relative to the strongest onset within a second, with a short decay.
    """

    pitches: Values
    onsets: Values

    def pooled(self, frames: int) -> Values:
        """Unit vectors of the pitches, averaged over so many frames [shape=(pooled, pitches)]; near silence, shorter."""
        padded = np.pad(self.pitches, ((0, -len(self.pitches) % frames), (0, 0)))
        return _directions(padded.reshape(-1, frames, len(PITCHES)).mean(axis=1))

    def with_onsets(self, share: float) -> Values:
        """Unit vectors of the pitches beside the onsets, which have this share [shape=(frames, 2 * pitches)]."""
        parts = np.sqrt(1 - share) * _directions(self.pitches), np.sqrt(share) * self.onsets
        return np.concatenate(parts, axis=1, dtype=np.float32)


def recording_features(audio: Audio, steps: Callable[[int], Iterator[int]] | None = None) -> tuple[Features, float]:
    """Features of a recording, and its tuning in cents from A4 = 440 Hz.

    Magnitudes of the channels add up, so that channels of opposite phase do not cancel. `steps` wraps the loop over
    blocks of frames.
    """
    channels = [
        Audio(channel[np.newaxis], audio.sample_rate).resample(_SAMPLE_RATE).samples[0] for channel in audio.samples
    ]
    length = len(channels[0])
    cents = tuning_cents(channels[0], _SAMPLE_RATE, STFT(_SUSTAIN.window_length, _SUSTAIN.window_length // 2))
    pooling = {stft: _pooling(stft, cents) for stft in (_SUSTAIN, _ATTACK)}
    pooled = {stft: np.zeros((stft.frames(length), len(PITCHES)), np.float32) for stft in pooling}
    work = [(stft, block, channel) for stft in pooling for block in stft.blocks(length) for channel in channels]
    for step in (steps or range)(len(work)):
        stft, block, channel = work[step]
        pooled[stft][block] += np.abs(stft.forward(channel, block)).T @ pooling[stft]
    sustain, attack = (
        values[np.searchsorted(stft.frames_s(length, _SAMPLE_RATE), 0) :][: -(-length * FRAMES_HZ // _SAMPLE_RATE)]
        for stft, values in pooled.items()
    )
    loudness = np.log1p(_ATTACK_COMPRESSION * attack / _level(attack.max(axis=1)))
    rise = np.maximum(0, loudness[2:] - loudness[:-2])
    return Features(_standing_out(sustain), _onsets(np.pad(rise, ((1, 1), (0, 0))))), cents


def score_features(
    onsets_s: NDArray[np.float64], offsets_s: NDArray[np.float64], pitches: Sequence[float], frames: int
) -> Features:
    """Features of notes as if they were played, with partials that roll off and tones that decay."""
    sustain, attack = (np.zeros((frames, len(PITCHES)), np.float32) for _ in range(2))
    starts, stops = (np.round(times_s * FRAMES_HZ).astype(int) for times_s in (onsets_s, offsets_s))
    envelope = np.exp(-np.arange(frames, dtype=np.float32) / (_DECAY_S * FRAMES_HZ))[:, np.newaxis]
    for start, stop, pitch in zip(starts, np.maximum(stops, starts + 1), pitches, strict=True):
        first, last = max(start, 0), min(stop, frames)
        if first < last:
            sustain[first:last] += envelope[: last - first] * _tone(_SUSTAIN, round(pitch))
            if first == start:
                attack[start] += _tone(_ATTACK, round(pitch))
    loudness = np.log1p(_ATTACK_COMPRESSION * attack / _level(attack.max(axis=1)))
    return Features(_standing_out(sustain), _onsets(loudness))


def _pooling(stft: STFT, cents: float) -> Values:
    """Weights that average bins into semitones, triangular and two semitones wide [shape=(bins, pitches)].

    Where a semitone is narrower than a bin, the bins beside it are interpolated.
    """
    bins_hz = stft.bins_hz(_SAMPLE_RATE)
    centres_hz = 440 * 2 ** ((PITCHES + cents / 100 - 69) / 12)
    reach_hz = np.maximum(centres_hz * (2 ** (1 / 12) - 1), bins_hz[1])
    weights = np.maximum(0, 1 - np.abs(bins_hz[:, np.newaxis] - centres_hz) / reach_hz)
    return (weights / weights.sum(axis=0)).astype(np.float32)


@lru_cache(maxsize=512)
def _tone(stft: STFT, pitch: int) -> Values:
    """A harmonic tone as `stft` and its pooling show it [shape=(pitches,)]."""
    f0_hz = 440 * 2 ** ((pitch - 69) / 12)
    partials = np.arange(1, 1 + min(_PARTIALS, max(1, int(_SAMPLE_RATE / 2 / f0_hz))))
    times_s = np.arange(stft.window_length, dtype=np.float64) / _SAMPLE_RATE
    spectra = [stft.forward(np.cos(2 * np.pi * partial * f0_hz * times_s)) for partial in partials]
    middle = spectra[0].shape[1] // 2
    magnitude = sum(_ROLL_OFF**number * np.abs(spectrum[:, middle]) for number, spectrum in enumerate(spectra))
    tone: Values = (magnitude @ _pooling(stft, 0) * (2 / stft.window_length)).astype(np.float32)
    return tone


def _standing_out(magnitude: Values) -> Values:
    """By how much each pitch exceeds the octave around it, on a logarithmic scale."""
    import scipy.ndimage

    loudness = np.log1p(_SUSTAIN_COMPRESSION * magnitude / _level(magnitude.max(axis=1)))
    octave = scipy.ndimage.uniform_filter1d(loudness, 13, axis=1, mode="constant")
    return np.maximum(0, loudness - octave)


def _onsets(rise: Values) -> Values:
    import scipy.ndimage

    strength = np.linalg.norm(rise, axis=1)
    strongest = scipy.ndimage.maximum_filter1d(strength, 2 * FRAMES_HZ + 1)
    rise = rise / np.maximum(strongest, _FAINTEST_ATTACK * _level(strength))[:, np.newaxis]
    decaying = rise.copy()
    for frame in range(1, _ATTACK_FRAMES):
        np.maximum(decaying[frame:], _ATTACK_DECAY**frame * rise[:-frame], out=decaying[frame:])
    return decaying


def _directions(values: Values) -> Values:
    """Vectors of length 1, or less where there is near silence."""
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    directions: Values = values / np.hypot(norms, _FAINTEST * _level(norms))
    return directions


def _level(values: Values) -> float:
    """The mean of nonnegative values, each weighted by itself: silence does not count; positive."""
    return max(float(np.square(values).sum()), 1e-20) / max(float(values.sum()), 1e-20)
