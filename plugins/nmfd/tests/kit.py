"""A drum kit made of noise and sines, and a pattern for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit import Audio, Note, Score

RATE = 16000
DRUMS = ("kick", "snare", "hi-hat")
KEYS = {"kick": 36, "snare": 38, "hi-hat": 42}
ONSETS_S = {
    "kick": (0.1, 0.9, 1.3, 1.7, 2.5),
    "snare": (0.5, 1.3, 2.1, 2.9),
    "hi-hat": tuple(0.1 + 0.2 * n for n in range(16)),
}
LENGTH = int(3.5 * RATE)


def hit(drum: str, seed: int = 0, rate: int = RATE) -> NDArray[np.float32]:
    """One stroke; another seed is another kit."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(0.3 * rate)) / rate
    noise = rng.standard_normal(len(time_s))
    if drum == "kick":
        samples = np.exp(-time_s / 0.06) * np.sin(2 * np.pi * (60 + 3 * seed) * time_s)
    elif drum == "snare":
        tone = np.sin(2 * np.pi * (190 + 5 * seed) * time_s)
        samples = np.exp(-time_s / 0.04) * (0.4 * tone + 0.3 * np.convolve(noise, [0.5, 0.5], "same"))
    else:
        samples = np.exp(-time_s / 0.02) * 0.3 * np.convolve(noise, [0.25, -0.5, 0.25], "same")
    return (0.5 * samples).astype(np.float32)


def stems() -> dict[str, NDArray[np.float32]]:
    """Every drum by itself [shape=(samples,)]."""
    played = {}
    for drum in DRUMS:
        played[drum] = np.zeros(LENGTH, np.float32)
        stroke = hit(drum)
        for onset_s in ONSETS_S[drum]:
            start = round(onset_s * RATE)
            played[drum][start : start + len(stroke)] += stroke[: LENGTH - start]
    return played


def mixture() -> Audio:
    return Audio.mono(np.sum([*stems().values()], axis=0), RATE)


def score(*drums: str) -> Score:
    """Of these drums, or of all."""
    return Score(
        tuple(
            Note(onset_s, onset_s + 0.03, KEYS[drum], part=drum)
            for drum in drums or DRUMS
            for onset_s in ONSETS_S[drum]
        )
    )


def examples(rate: int = RATE) -> dict[str, list[Audio]]:
    """Two hits of each drum, of other kits."""
    return {drum: [Audio.mono(hit(drum, seed, rate), rate) for seed in (1, 2)] for drum in DRUMS}


def sdr_db(estimate: Audio, drum: str) -> float:
    """Of one stem."""
    truth = stems()[drum].astype(np.float64)
    error = truth - estimate.samples[0]
    return float(10 * np.log10(np.square(truth).sum() / np.square(error).sum()))


def mean_sdr_db(separated: dict[str, Audio]) -> float:
    return float(np.mean([sdr_db(separated[drum], drum) for drum in DRUMS]))
