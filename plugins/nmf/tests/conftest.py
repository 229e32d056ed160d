"""A tone and bursts of noise together, and an example of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.nmf.tests.sounds import RATE, noise, tone
from sepkit import Audio


@pytest.fixture(scope="session")
def stems() -> dict[str, Audio]:
    return {"tone": Audio(tone(220, 2, 1.0), RATE), "noise": Audio(noise(2, 2.7), RATE)}


@pytest.fixture(scope="session")
def mixture(stems: dict[str, Audio]) -> Audio:
    return Audio(stems["tone"].samples + stems["noise"].samples, RATE)


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("examples")
    for name, samples in (("tone", tone(220, 1, 3.0)), ("noise", noise(1, 4.0))):
        Audio(samples, RATE).write(folder / f"{name}.wav")
    return {name: folder / f"{name}.wav" for name in ("tone", "noise")}
