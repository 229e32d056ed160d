"""A benchmark that is run again and again into the same folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sepkit.evaluation.benchmarking.entry import Entry
from sepkit.evaluation.benchmarking.report import Report
from sepkit.evaluation.benchmarking.runner import benchmark
from tests.benchmarks import Benchmark, MadeUp, without_companions, write_track
from tests.distributions import install


@pytest.fixture(autouse=True)
def _good(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "good", "unruly")
    without_companions(monkeypatch)
    # What is in the pictures does not matter here, and drawing takes long.
    monkeypatch.setattr("sepkit.evaluation.benchmarking.report.box_plot_svg", lambda *_: "<svg></svg>")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    return MadeUp().install(monkeypatch)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        write_track(tmp_path / "tracks" / name, seconds=0.01)
    return tmp_path / "tracks"


@pytest.fixture
def again(tmp_path: Path, dataset: Path, made_up: MadeUp) -> Benchmark:
    """Runs the benchmark, always into the same folder; `made_up` then has the jobs of this run alone."""

    def run(*entries: Entry | str, metrics: Any = ("sdr",), **options: Any) -> Report:
        made_up.jobs.clear()
        return benchmark(entries or ["halve"], [dataset], tmp_path / "out", metrics=metrics, **options)

    return run
