"""Something small to train on: sources whose notes are drawn from scales of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from sepkit import Audio, Run
from sepkit.evaluation import Track
from sepkit.training import TrainingData
from sepkit_nae.trained import TrainedAutoencoder
from sepkit_nae.training import NAETrainer
from sepkit_nae.training_config import NAETraining

RATE = 8000
SCALES = {"low": (200.0, 250.0, 300.0), "high": (730.0, 910.0, 1100.0)}
QUICK = {
    "steps": 60,
    "warmup": 5,
    "rank": 4,
    "encoder_hidden": (16,),
    "window_s": 0.032,
    "crops": 4,
    "crop_frames": 12,
    "save_every": 10,
    "validate_every": 20,
    "ema": 0.9,
}


def played(source: str, seed: int, seconds: float = 3.0) -> Audio:
    """A new note every quarter of a second, each with four partials."""
    rng = np.random.default_rng([seed, sorted(SCALES).index(source)])
    t = np.arange(RATE // 4) / RATE
    notes = []
    for _ in range(int(4 * seconds)):
        f0_hz, gain = rng.choice(SCALES[source]), rng.uniform(0.05, 0.2)
        partials = [np.sin(2 * np.pi * m * f0_hz * t + rng.uniform(0, 6)) / m for m in range(1, 5)]
        notes.append(gain * np.exp(-4 * t) * np.sum(partials, axis=0))
    return Audio(np.concatenate(notes)[np.newaxis].astype(np.float32), RATE)


def stems(seed: int) -> dict[str, Audio]:
    """Both sources, playing at the same time."""
    return {source: played(source, seed) for source in SCALES}


def mixture(seed: int) -> Audio:
    """Their sum."""
    return Audio(np.sum([stem.samples for stem in stems(seed).values()], axis=0), RATE)


def track(seed: int) -> Track:
    """A track of both."""
    return Track(name=f"lesson {seed}", stems={source: lambda s=source: played(s, seed) for source in SCALES})


def data(valid: bool = False) -> TrainingData:
    """One track to learn from, and one to choose by."""
    return TrainingData((track(0),), (track(1),) if valid else (), tuple(SCALES))


def train(folder: Path, run: Run | None = None, given: TrainingData | None = None, **options: Any) -> Path:
    """Train into `folder`."""
    folder.mkdir(exist_ok=True)
    run = run or Run(device="cpu")
    with run:
        NAETrainer(NAETraining(**{**QUICK, **options})).train(given or data(), folder, run)
    return folder


def read(folder: Path) -> TrainedAutoencoder:
    """The trained model."""
    return TrainedAutoencoder.read(folder, torch.device("cpu"))
