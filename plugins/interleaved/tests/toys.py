"""Something small to learn: three kinds of sounds, and for each a database in which nothing else is told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit import Audio, Run
from sepkit.evaluation import Track
from sepkit.training import Task, TrainingData
from sepkit_interleaved.trained import Trained
from sepkit_interleaved.training import InterleavedTrainer
from sepkit_interleaved.training_config import InterleavedTraining

RATE = 8000
KINDS = ("notes", "hits", "whistle")
QUICK: dict[str, Any] = {
    "size": "tiny",
    "window_s": 0.032,
    "sample_rate": RATE,
    "steps": 12,
    "decoder_steps": 3,
    "warmup": 3,
    "batch": 2,
    "excerpt_s": 0.5,
    "validate_every": 4,
    "save_every": 3,
    "ema": 0.9,
    "filter_db": 0,
}


def sound(kind: str, seed: int, seconds: float = 2.0) -> NDArray[np.float64]:
    """One of the kinds [shape=(samples,)]: low notes with partials, bursts of noise, or one high tone that glides."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    samples = np.zeros(round(seconds * RATE))
    time_s = np.arange(len(samples)) / RATE
    if kind == "whistle":
        hz = 2000 + 1200 * np.interp(time_s, np.linspace(0, seconds, 6), rng.uniform(0, 1, 6))
        return np.asarray(0.2 * np.sin(2 * np.pi * np.cumsum(hz) / RATE))
    for start in np.arange(rng.integers(500), len(samples), RATE // 4):
        t = np.arange(min(RATE // 4, len(samples) - start)) / RATE
        if kind == "notes":
            f0_hz = 110 * 2 ** (rng.integers(0, 24) / 12)
            one = 0.1 * np.exp(-3 * t) * sum(np.sin(2 * np.pi * m * f0_hz * t) / m for m in range(1, 6))
        else:
            one = 0.4 * np.exp(-40 * t) * rng.standard_normal(len(t))
        samples[start : start + len(t)] += one
    return samples


def mixed(kinds: Sequence[str], seed: int, gain: float = 1.0, seconds: float = 2.0) -> Audio:
    """The sum of some kinds."""
    total = sum(sound(kind, seed, seconds) for kind in kinds)
    return Audio((gain * np.atleast_2d(total)).astype(np.float32), RATE)


def forbidden() -> Audio:
    raise AssertionError("nobody may look at this stem")


def track(kind: str, seed: int, gain: float = 1.0, others: Callable[[], Audio] | None = forbidden) -> Track:
    """A mixture of all kinds, of which one is known alone; who looks at the others fails."""
    stems = {kind: partial(mixed, [kind], seed, gain)}
    if others is not None:
        stems |= {other: others for other in KINDS if other != kind}
    return Track(name=f"{kind} {seed}", stems=stems, mixture=partial(mixed, KINDS, seed, gain))


def task(kind: str, count: int = 2, gain: float = 1.0) -> Task:
    """A database of one kind, which shares no recording with those of the others."""
    first = 1000 * (1 + KINDS.index(kind))
    train, valid = (tuple(track(kind, first + offset + n, gain) for n in range(count)) for offset in (0, 500))
    return Task(kind, train, valid[:1])


def data(kinds: Sequence[str] = KINDS, count: int = 2, **gains: float) -> TrainingData:
    """A task for every kind."""
    tasks = tuple(task(kind, count, gains.get(kind, 1.0)) for kind in kinds)
    return TrainingData(
        tuple(one for own in tasks for one in own.train),
        tuple(one for own in tasks for one in own.valid),
        tuple(kinds),
        tasks,
    )


def train(
    folder: Path,
    given: TrainingData | None = None,
    *,
    start: Path | None = None,
    run: Run | None = None,
    **options: Any,
) -> Trained:
    """Train into `folder`, and read what comes of it."""
    folder.mkdir(exist_ok=True)
    own = {
        name: value for name, value in QUICK.items() if start is None or name not in ("size", "window_s", "sample_rate")
    }
    trainer = InterleavedTrainer(InterleavedTraining(**{**own, **options}))
    with run or Run(device="cpu") as run:
        if start is None:
            trainer.train(given or data(), folder, run)
        else:
            trainer.fine_tune(start, given or data(), folder, run)
    return read(folder)


def read(folder: Path) -> Trained:
    """Trained weights."""
    return Trained.read(folder, torch.device("cpu"))
