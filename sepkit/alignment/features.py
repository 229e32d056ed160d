"""What a recording and a score have in common: how strong each pitch is, and how strongly each sets in.

Both are described on the same scale of semitones. A recording's spectrum is pooled into semitones; the notes of a score
bring their partials, seen through the same window. What counts is what stands out from the octave around it.

References
----------
Ewert, Müller and Grosche, "High resolution audio synchronization using chroma onset features", ICASSP 2009.
Müller, "Fundamentals of Music Processing", chapter 3, Springer 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.alignment.timemap import TimeMap
from sepkit.alignment.tuning import tuning_cents
from sepkit.music.audio import Audio
from sepkit.music.pitch import midi_to_hz
from sepkit.music.score import Score
from sepkit.spectral import STFT

SALIENCE_HZ = 10
"""Frames a second of the salience that pictures show."""

FRAMES_HZ = 100
"""Frames of features a second."""

PITCHES = np.arange(28, 109)
"""E1 to C8. Lower notes are known by their partials."""

_OCTAVE = 13

_SAMPLE_RATE = 16000
_SUSTAIN, _ATTACK = 2048, 512
"""Windows: one that resolves semitones, one that resolves onsets."""

_PARTIALS = 10
_ROLL_OFF = 0.6
_DECAY_S, _RELEASE_S = 2.0, 0.2
_RINGING_FRAMES = round(3 * _RELEASE_S * FRAMES_HZ)

_SUSTAIN_COMPRESSION, _ATTACK_COMPRESSION = 30.0, 10.0
_FAINTEST_ATTACK = 0.25
_ATTACK_DECAY = 0.75
_ATTACK_FRAMES = 12
_FAINTEST = 0.1

Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
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
        """Unit vectors of the mean pitches of so many frames [shape=(pooled, pitches)]; shorter near silence."""
        whole = len(self.pitches) // frames * frames
        pooled = [self.pitches[:whole].reshape(-1, frames, len(PITCHES)).mean(axis=1)]
        if rest := len(self.pitches) - whole:
            pooled.append(self.pitches[-rest:].sum(axis=0, keepdims=True) / frames)
        return _directions(np.concatenate(pooled))

    def with_onsets(self, share: float) -> Values:
        """Unit vectors of the pitches beside the onsets, which have this share [shape=(frames, 2 * pitches)]."""
        pitches, onsets = np.float32(np.sqrt(1 - share)), np.float32(np.sqrt(share))
        both: Values = large.empty((len(self.pitches), 2 * len(PITCHES)))
        np.multiply(_directions(self.pitches), pitches, out=both[:, : len(PITCHES)])
        np.multiply(self.onsets, onsets, out=both[:, len(PITCHES) :])
        return both


def recording_features(audio: Audio, steps: Callable[[int], Iterator[int]] | None = None) -> tuple[Features, float]:
    """Features of a recording, and its tuning in cents from A4 = 440 Hz.

    Magnitudes of the channels add up, so that channels of opposite phase do not cancel. `steps` wraps the loop over
    blocks of frames.
    """
    channels = [
        Audio(channel[np.newaxis], audio.sample_rate).resample(_SAMPLE_RATE).samples[0] for channel in audio.samples
    ]
    length = len(channels[0])
    cents = tuning_cents(max(channels, key=np.ptp), _SAMPLE_RATE, STFT(_SUSTAIN, _SUSTAIN // 2))
    pooling = {_stft(window): _pooling(window, cents) for window in (_SUSTAIN, _ATTACK)}
    pooled: dict[STFT, Values] = {stft: large.zeros((stft.frames(length), len(PITCHES))) for stft in pooling}
    work = [(stft, block, channel) for stft in pooling for block in stft.blocks(length) for channel in channels]
    for step in (steps or range)(len(work)):
        stft, block, channel = work[step]
        pooled[stft][block] += np.abs(stft.forward(channel, block)).T @ pooling[stft]
    sustain, attack = (
        values[np.searchsorted(stft.frames_s(length, _SAMPLE_RATE), 0) :][: -(-length * FRAMES_HZ // _SAMPLE_RATE)]
        for stft, values in pooled.items()
    )
    return Features(_standing_out(sustain), _onsets(_rise(_loudness(attack, _ATTACK_COMPRESSION)))), cents


def score_features(score: Score, times: TimeMap, frames: int) -> Features:
    """Features of a score as if it were played at these times: partials roll off, tones decay and ring on."""
    pitches = [round(note.pitch) for note in score.notes]
    played = {pitch: row for row, pitch in enumerate(sorted(set(pitches)))}
    sustained, struck = (large.zeros((len(played), frames)) for _ in range(2))
    edges_s = times([(note.onset_s, note.offset_s) for note in score.notes])
    starts, stops = np.round(edges_s * FRAMES_HZ).astype(int).T
    for start, stop, pitch in zip(starts.tolist(), np.maximum(stops, starts + 1).tolist(), pitches, strict=True):
        first, last = max(start, 0), min(stop + _RINGING_FRAMES, frames)
        if first < last:
            since_s = np.arange(first - start, last - start, dtype=np.float32) / FRAMES_HZ
            released_s = np.maximum(0, since_s - (stop - start) / FRAMES_HZ)
            envelope = np.exp(-since_s / _DECAY_S - released_s / _RELEASE_S)
            sustained[played[pitch], first:last] += envelope
            if first == start:
                struck[played[pitch], start] += 1
    sustain, attack = (large.empty((frames, len(PITCHES))) for _ in range(2))
    for envelopes, window, shown in ((sustained, _SUSTAIN, sustain), (struck, _ATTACK, attack)):
        np.matmul(envelopes.T, np.stack([_tone(window, pitch) for pitch in played]), out=shown)
    return Features(_standing_out(sustain), _onsets(_loudness(attack, _ATTACK_COMPRESSION)))


def _stft(window: int) -> STFT:
    return STFT(window, _SAMPLE_RATE // FRAMES_HZ)


def _pooling(window: int, cents: float) -> Values:
    """Weights that average bins into semitones, triangular and two semitones wide [shape=(bins, pitches)].

    Where a semitone is narrower than a bin, the bins beside it are interpolated.
    """
    bins_hz = _stft(window).bins_hz(_SAMPLE_RATE)
    centres_hz = midi_to_hz(PITCHES + cents / 100)
    reach_hz = np.maximum(centres_hz * (2 ** (1 / 12) - 1), bins_hz[1])
    weights = np.maximum(0, 1 - np.abs(bins_hz[:, np.newaxis] - centres_hz) / reach_hz)
    weights /= weights.sum(axis=0)
    pooling: Values = weights.astype(np.float32)
    return pooling


@lru_cache(maxsize=512)
def _tone(window: int, pitch: int) -> Values:
    """A harmonic tone as the recording's spectrum would show it [shape=(pitches,)]."""
    stft, pooling = _stft(window), _pooling(window, 0)
    f0_hz = float(midi_to_hz(pitch))
    times_s = np.arange(window, dtype=np.float32) / _SAMPLE_RATE
    tone = np.zeros(len(PITCHES), np.float32)
    for partial in range(1, 1 + min(_PARTIALS, int(_SAMPLE_RATE / 2 / f0_hz))):
        spectrum = np.abs(stft.forward(np.cos(2 * np.pi * partial * f0_hz * times_s)))
        tone += _ROLL_OFF ** (partial - 1) * 2 / window * (spectrum[:, spectrum.shape[1] // 2] @ pooling)
    return tone


def _loudness(magnitude: Values, compression: float) -> Values:
    loudness: Values = large.empty(magnitude.shape)
    np.multiply(magnitude, compression / _level(magnitude.max(axis=1)), out=loudness)
    return np.log1p(loudness, out=loudness)


def _standing_out(magnitude: Values) -> Values:
    """By how much each pitch exceeds the octave around it, on a logarithmic scale."""
    loudness = _loudness(magnitude, _SUSTAIN_COMPRESSION)
    for span in _spans(loudness):
        block = loudness[span]
        # Moving means and maxima by NumPy: SciPy's filters take as long to import as a short piece takes to align.
        around = np.pad(block, ((0, 0), (_OCTAVE // 2, (_OCTAVE - 1) // 2)))
        octave = np.zeros_like(block)
        for shift in range(_OCTAVE):
            octave += around[:, shift : shift + block.shape[1]]
        octave /= _OCTAVE
        np.maximum(0, np.subtract(block, octave, out=block), out=block)
    return loudness


def _rise(loudness: Values) -> Values:
    """How much louder it is a frame later than a frame before."""
    rise: Values = large.empty(loudness.shape)
    rise[:-1], rise[-1:] = loudness[1:], loudness[-1:]
    rise[1:] -= loudness[:-1]
    rise[:1] -= loudness[:1]
    return np.maximum(0, rise, out=rise)


def _onsets(rise: Values) -> Values:
    strength = np.concatenate([np.linalg.norm(rise[span], axis=1) for span in _spans(rise)])
    around = np.lib.stride_tricks.sliding_window_view(np.pad(strength, FRAMES_HZ), 2 * FRAMES_HZ + 1)
    largest = np.maximum(around.max(axis=1), _FAINTEST_ATTACK * _level(strength))[:, np.newaxis]
    decaying: Values = large.empty(rise.shape)
    for span in _spans(rise):
        before = slice(max(0, span.start - _ATTACK_FRAMES + 1), span.stop)
        relative = rise[before] / largest[before]
        decayed = relative[span.start - before.start :].copy()
        for frame in range(1, min(_ATTACK_FRAMES, len(relative))):
            late = relative[max(0, span.start - before.start - frame) : len(relative) - frame]
            np.maximum(decayed[-len(late) :], _ATTACK_DECAY**frame * late, out=decayed[-len(late) :])
        decaying[span] = decayed
    return decaying


def _spans(values: Values) -> Iterator[slice]:
    return large.spans(len(values), rows=values.shape[1])


def _directions(values: Values) -> Values:
    """Vectors of length 1, or less where there is near silence."""
    norms = np.concatenate([np.linalg.norm(values[span], axis=1, keepdims=True) for span in _spans(values)])
    lengths = np.hypot(norms, _FAINTEST * _level(norms))
    directions: Values = large.empty(values.shape, values.dtype)
    for span in _spans(values):
        np.divide(values[span], lengths[span], out=directions[span])
    return directions


def _level(values: Values) -> float:
    """The mean of nonnegative values, each weighted by itself: silence does not count; positive."""
    return max(float(np.square(values).sum()), 1e-20) / max(float(values.sum()), 1e-20)
