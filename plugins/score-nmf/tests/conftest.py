"""What the two hands play, apart and together."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from sepkit import Audio

# Folders with a hyphen have no name in import statements.
playing = import_module("plugins.score-nmf.tests.hands")
RATE, SCORE, struck = playing.RATE, playing.SCORE, playing.struck


@pytest.fixture(scope="session")
def stems() -> dict[str, Audio]:
    rng = np.random.default_rng(0)
    length = 8 * RATE
    hands = {part: sum(struck(note, length, rng) for note in SCORE.part(part).notes) for part in ("left", "right")}
    return {part: Audio(np.asarray(samples)[np.newaxis], RATE) for part, samples in hands.items()}


@pytest.fixture(scope="session")
def mixture(stems: dict[str, Audio]) -> Audio:
    return Audio(stems["left"].samples + stems["right"].samples, RATE)
