"""Small benchmarks for tests: a folder of two tracks, a finished benchmark of it, and one whose jobs are made up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit.evaluation.benchmarking import entry, runner
from sepkit.evaluation.benchmarking.job import Job
from sepkit.evaluation.benchmarking.report import Report
from sepkit.evaluation.benchmarking.runner import benchmark
from tests.commandline import TONES, record
from tests.distributions import environment, install

Benchmark = Callable[..., Report]

RATE = 8000
SECONDS = 0.5
HOSTILE_TRACK = "<img src=x onerror=alert(1)>"
HOSTILE_SOURCE = "<b>low|*x*"
BROKEN_TRACK = "broken"
ENTRIES = (
    "halve",
    "halve-by-score",
    entry.Entry(label="raising", method="halve", config={"fault": "raise"}),
)


def write_track(folder: Path, seconds: float = 0.6) -> Path:
    """A track of two tones; the one with a hostile name is the louder."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    folder.mkdir(parents=True)
    for name, gain, (tone_hz, _) in zip((HOSTILE_SOURCE, "high"), (0.2, 0.1), TONES, strict=True):
        samples = gain * np.sin(2 * np.pi * tone_hz * time_s)[:, np.newaxis]
        record(folder / f"{name}.wav", samples.astype(np.float32), RATE)
    return folder


def write_dataset(folder: Path) -> Path:
    """Two tracks: one with hostile names, one whose files are no audio."""
    write_track(folder / HOSTILE_TRACK)
    broken = folder / BROKEN_TRACK
    broken.mkdir()
    for name in (HOSTILE_SOURCE, "high"):
        (broken / f"{name}.wav").write_text("no audio")
    return folder


@cache
def finished(folder: Path) -> Report:
    """A benchmark with everything real: methods that work, fail and do not fit, baselines and an oracle."""
    folder = folder / "finished"
    with pytest.MonkeyPatch.context() as patch:
        # One oracle tells as much as three, in less time.
        patch.setattr(entry, "ORACLES", ("ideal-ratio-mask",))
        install_everywhere(patch, "good")
        return benchmark(ENTRIES, [write_dataset(folder / "tracks")], folder / "out", metrics=["sdr", "si-sdr"])


def install_everywhere(patch: pytest.MonkeyPatch, *names: str) -> None:
    """Install distributions for this process and those that it starts."""
    install(patch, *names)
    for key, value in environment(*names).items():
        patch.setenv(key, value)


def without_companions(patch: pytest.MonkeyPatch) -> None:
    """No baselines and oracles but those asked for."""
    patch.setattr(entry, "BASELINES", ())
    patch.setattr(entry, "ORACLES", ())


@dataclass
class MadeUp:
    """In place of processes: what came of jobs is made up from what they are to do.

    Attributes
    ----------
    jobs : list of (str, str)
        Track and entry of every job that was done.
    before : callable
        Called with each job before it is done.
    disabled : set of str
        Plugins that the processes were not to load.
    """

    outcome: Callable[[Job], dict[str, Any]] | None = None
    before: Callable[[Job], None] = lambda job: None
    jobs: list[tuple[str, str]] = field(default_factory=list)
    disabled: set[str] = field(default_factory=set)

    def install(self, patch: pytest.MonkeyPatch) -> MadeUp:
        """Let benchmarks of this process use it."""
        patch.setattr(runner, "Processes", self._threads)
        patch.setattr(runner, "run", lambda job: self.run(job))
        return self

    def _threads(self, workers: int, *, disabled: Iterable[str], **_: Any) -> ThreadPoolExecutor:
        self.disabled = set(disabled)
        return ThreadPoolExecutor(workers)

    def run(self, job: Job) -> dict[str, Any]:
        self.before(job)
        self.jobs.append((job.track, job.entry.label))
        if self.outcome is not None:
            return self.outcome(job)
        return done(job, {"low": float(len(job.entry.label)), "high": float(job.seed)})


def done(job: Job, values: dict[str, float]) -> dict[str, Any]:
    """The outcome of a job that found some values for every figure."""
    figures = ("SDR",) if len(job.metrics) == 1 else ("SDR", "SI-SDR", "SI-SIR", "SI-SAR")
    return {
        "status": "done",
        "figures": dict.fromkeys(figures, values),
        "assignment": {name: name for name in values},
        "notes": [],
        "seconds": SECONDS,
        "duration_s": 2.0,
        "real_time_factor": SECONDS / 2,
        "peak_memory_bytes": 3 * 2**20,
        "bare_memory_bytes": 2**20,
        "parameters": 0,
        "provenance": {},
        "excerpts": {"start_s": 0.0, "estimates": {}},
    }
