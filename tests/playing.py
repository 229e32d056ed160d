"""Music made up and played for tests of alignment."""

from __future__ import annotations

import numpy as np

from sepkit import Audio, Note, Score

RATE = 16000


def compose(seed: int, seconds: float = 8.0, tonic: int = 60) -> Score:
    """A random melody in a major key over chords that change every second."""
    rng = np.random.default_rng(seed)
    scale = tonic + np.array([0, 2, 4, 5, 7, 9, 11])
    notes, onset_s = [], 0.3
    while onset_s < seconds:
        length_s = float(rng.choice([0.15, 0.25, 0.5]))
        notes.append(Note(onset_s, onset_s + length_s, float(rng.choice(scale)) + 12, part="melody"))
        onset_s += length_s
    for second in range(int(seconds)):
        root = int(rng.integers(7))
        for step in (0, 2, 4):
            pitch = float(scale[(root + step) % 7]) - 12
            notes.append(Note(0.3 + second, 1.25 + second, pitch, part="chords"))
    return Score(tuple(notes))


def play(score: Score, *, cents: float = 0.0, rate: int = RATE, seconds: float | None = None) -> Audio:
    """The score on a plucked instrument: partials that roll off and decay, and a little noise."""
    end_s = max(note.offset_s for note in score.notes)
    samples = np.random.default_rng(0).normal(0, 1e-4, round((seconds or end_s + 0.5) * rate))
    for note in score.notes:
        first, last = (round(time_s * rate) for time_s in (note.onset_s, note.offset_s + 0.1))
        time_s = np.arange(len(samples[first:last])) / rate
        f0_hz = 440 * 2 ** ((note.pitch + cents / 100 - 69) / 12)
        fade = np.minimum(1, time_s / 0.005) * np.exp(-2 * time_s) * np.clip((time_s[-1:] - time_s) / 0.05, 0, 1)
        for partial in range(1, 7):
            if partial * f0_hz < rate / 2:
                samples[first:last] += 0.05 / partial * fade * np.sin(2 * np.pi * partial * f0_hz * time_s + partial)
    return Audio(samples[np.newaxis].astype(np.float32), rate)
