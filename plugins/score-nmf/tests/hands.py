"""Two hands of a stiff piano, whose notes are known, and how they are separated and measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Note, Score, Separation
from sepkit.informed import partials_hz
from sepkit.music import midi_to_hz

RATE = 16000
STIFFNESS = 0.0004


def struck(note: Note, length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A string of a piano: stiff, its partials decaying the faster the higher they are, damped at the note's end."""
    samples = np.zeros(length)
    first, stop = int(note.onset_s * RATE), int((note.offset_s + 0.05) * RATE)
    t = np.arange(first, min(stop, length)) / RATE - note.onset_s
    sounding = np.clip(t / 0.003, 0, 1) * np.clip(1 - (t - (note.offset_s - note.onset_s)) / 0.05, 0, 1)
    for m, partial_hz in enumerate(partials_hz(float(midi_to_hz(note.pitch)), RATE / 2, STIFFNESS)[:-1], 1):
        decay = np.exp(-np.maximum(t, 0) * (1.0 + 0.002 * partial_hz))
        samples[first:stop] += 0.05 * sounding * decay * np.sin(2 * np.pi * partial_hz * t + rng.uniform(0, 6)) / m
    return samples


def two_hands(seconds: float = 8.0) -> Score:
    """Chords and a melody at random, whose hands meet in the middle and play some pitches together."""
    rng = np.random.default_rng(3)
    notes = []
    for onset_s in np.arange(0.1, seconds - 0.9, 0.5).tolist():
        chord = rng.choice([41, 44, 48, 51, 53, 56, 60, 63], 2, replace=False).tolist()
        melody = rng.choice([60, 63, 65, 68, 72, 75, 77], 2).tolist()
        notes += [Note(onset_s, onset_s + 0.7, pitch, part="left") for pitch in chord]
        for begin_s, pitch in zip((onset_s, onset_s + 0.25), melody, strict=True):
            notes.append(Note(begin_s, begin_s + 0.25, pitch, part="right"))
    return Score(tuple(notes))


SCORE = two_hands()


EXACT = ["score:before_s=0,after_s=0"]
"""Notes sound neither before their onset nor after their offset."""


def separate(
    mixture: Audio, score: Score = SCORE, seed: int = 0, method: str = "score-nmf", **given: Any
) -> Separation:
    return sepkit.separate(mixture, method, score=score, seed=seed, **given)


def sdr(reference: Audio, estimate: Audio) -> float:
    truth = reference.samples.astype(np.float64)
    return float(10 * np.log10(np.sum(truth**2) / np.sum((truth - estimate.samples) ** 2)))


def energy(samples: NDArray[np.float32]) -> float:
    return float(np.sum(samples.astype(np.float64) ** 2))
