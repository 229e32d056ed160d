"""Tones made by rule, for denoisers that are to keep their own source beside others without ever having heard those."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NOTES_A_SECOND = 5.0
_MOST_PARTIALS = 16
_LOWEST_HZ, _HIGHEST_HZ = 55.0, 1800.0


def random_tones(seconds: float, sample_rate: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Notes of random pitch, timbre, envelope and length, at random times [shape=(samples,)]; no instrument's.

    Parameters
    ----------
    seconds : float
    sample_rate : int
        In Hz.
    rng : numpy.random.Generator
    """
    total = np.zeros(round(seconds * sample_rate), np.float32)
    for _ in range(round(_NOTES_A_SECOND * seconds)):
        start, tone = int(rng.integers(len(total))), _random_tone(sample_rate, rng)[: len(total)]
        tone = tone[: len(total) - start]
        total[start : start + len(tone)] += tone
    return total


def _random_tone(sample_rate: int, rng: np.random.Generator) -> NDArray[np.float32]:
    length_s = float(np.exp(rng.uniform(np.log(0.1), np.log(1.5))))
    time = np.arange(round(length_s * sample_rate), dtype=np.float32) / sample_rate
    f0 = float(np.exp(rng.uniform(np.log(_LOWEST_HZ), np.log(_HIGHEST_HZ))))
    depth = float(rng.choice([0.0, rng.uniform(0, 0.008)]))
    rate = float(rng.uniform(4, 7))
    phase = 2 * np.pi * f0 * (time - depth / (2 * np.pi * rate) * np.cos(2 * np.pi * rate * time))
    orders = np.arange(1, 1 + min(_MOST_PARTIALS, int(0.45 * sample_rate / f0)))
    heights = orders ** -float(rng.uniform(0.2, 2.5)) * 10 ** (rng.normal(0, 5, len(orders)) / 20)
    if rng.random() < 0.3:
        heights[1::2] *= 10 ** (-float(rng.uniform(6, 30)) / 20)
    turns = rng.uniform(0, 2 * np.pi, len(orders))
    tone = sum(
        height * np.sin(order * phase + turn) for order, height, turn in zip(orders, heights, turns, strict=True)
    )
    rise_s, fall_s = (float(np.exp(rng.uniform(np.log(low), np.log(0.1)))) for low in (0.002, 0.02))
    envelope = np.minimum(np.minimum(1, time / rise_s), np.minimum(1, (length_s - time) / fall_s))
    if rng.random() < 0.5:
        envelope = envelope * np.exp(-time / float(np.exp(rng.uniform(np.log(0.1), np.log(2.0)))))
    loudness = 10 ** (rng.normal(0, 6) / 20) / np.sqrt(np.sum(heights**2))
    sounding: NDArray[np.float32] = (loudness * envelope * tone).astype(np.float32)
    return sounding
