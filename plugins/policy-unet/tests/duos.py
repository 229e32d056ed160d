"""Duos of instruments that differ in their tones alone, and options with which they are soon learned."""

from __future__ import annotations

import numpy as np

from sepkit import Audio, Separation
from sepkit.evaluation import evaluate

RATE = 8_000
FASTEST = {"dictionary": "plain", "steps": 2, "iterations": 2, "prune_every": 2, "settle": 1, "harmonics": 8}
HYBRID = {
    **{"steps": 20, "imitation": 150, "iterations": 30, "prune_every": 15, "settle": 8},
    **{"window_s": 0.2, "hop_s": 0.04, "batch": 4, "harmonics": 8},
}
FULL = np.array([0.7, 1, 0.8, 0.6, 0.65, 0.4, 0.35, 0.3])
ODD = np.array([1, 0.08, 0.12, 0.03, 0.1, 0.0, 0.05, 0.0])


def part(harmonics: np.ndarray, pitches: list[int], rate: int, note_s: float = 0.4) -> np.ndarray:
    """Notes one after the other, with soft ends."""
    time = np.arange(int(note_s * rate)) / rate
    envelope = np.minimum(1, np.minimum(time, note_s - time) / 0.03)
    h = np.arange(1, len(harmonics) + 1)
    notes = []
    for index, pitch in enumerate(pitches):
        hz = 440 * 2 ** ((pitch - 69) / 12)
        phase = 2 * np.pi * hz * (time + 2e-4 * np.sin(2 * np.pi * 5.5 * time + index))
        notes.append(envelope * ((harmonics * (h * hz < rate / 2.2)) @ np.sin(np.outer(h, phase) + h[:, None] ** 2)))
    return np.concatenate(notes)


def duo(rate: int = RATE, notes: int = 6, seed: int = 0) -> dict[str, Audio]:
    """The stems, equally loud."""
    rng = np.random.default_rng(seed)
    parts = {
        "full": part(FULL, list(rng.choice([62, 64, 65, 67, 69, 71], notes)), rate),
        "odd": part(ODD, list(rng.choice([74, 76, 77, 79, 81, 83], notes)), rate),
    }
    return {name: Audio((0.1 * x / x.std()).astype(np.float32)[np.newaxis], rate) for name, x in parts.items()}


def mixed(*stems: Audio) -> Audio:
    return Audio(np.sum([stem.samples for stem in stems], axis=0), stems[0].sample_rate)


def si_sdr(separation: Separation, stems: dict[str, Audio]) -> list[float]:
    return list(evaluate(separation, stems, metrics=["si-sdr"], permute=True).values["SI-SDR"].values())
