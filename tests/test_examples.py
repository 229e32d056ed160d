"""The worked examples of embedding run as they stand, each in a process and a folder of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sepkit import Audio
from tests.commandline import files_below
from tests.distributions import environment

FOLDER = Path(__file__).parents[1] / "docs" / "examples"
SOURCES = ["flute", "cello", "drums"]


def run(*arguments: str | Path, folder: Path, **settings: str) -> str:
    """Run Python with warnings as errors; what it printed."""
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    env = environment(**settings)
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8", timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def decibels(printed: str) -> list[tuple[str, float, float]]:
    found = re.findall(r"^(\w+).* SDR +([-\d.]+) dB -> +([-\d.]+) dB$", printed, re.MULTILINE)
    return [(name, float(before), float(after)) for name, before, after in found]


@pytest.mark.slow
def test_notebook_cancels_separates_measures_and_draws(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    printed = run(FOLDER / "notebook.py", folder=tmp_path)
    # Every redrawing of the line of progress is a line here, for a carriage return ends one too.
    lines = printed.splitlines()
    cancelled = next(index for index, line in enumerate(lines) if line.startswith("cancelled"))
    done = next(index for index, line in enumerate(lines) if line.startswith("done"))
    assert "learn flute    0%" in lines[:cancelled]
    assert not any(line.startswith("filter") for line in lines[:cancelled])
    assert lines[done - 1] == "filter       100%"
    measured = decibels(printed)
    assert [name for name, _, _ in measured] == SOURCES
    assert all(after > before + 10 for _, before, after in measured)
    stems = [f"stems/{name}" for name in sorted(["separation.json", *(f"{source}.wav" for source in SOURCES)])]
    assert files_below(tmp_path) == ["separation.png", "stems", *stems]
    assert (tmp_path / "separation.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((tmp_path / "stems" / "separation.json").read_text(encoding="utf-8"))
    assert Audio.read(tmp_path / "stems" / "flute.wav").length == record["samples"]


@pytest.mark.slow
def test_threaded_host_ends_every_job_in_its_own_way(tmp_path: Path) -> None:
    printed = run(FOLDER / "threaded_host.py", folder=tmp_path)
    assert printed.splitlines() == [
        *(f"job-{number}: done: flute, cello, drums" for number in (1, 2, 3)),
        "job-4: failed: no such audio file: no-such-song.wav",
        "job-5: cancelled",
    ]
    assert files_below(tmp_path) == []


def test_threaded_host_stops_a_job_that_is_underway(tmp_path: Path) -> None:
    # Its method cannot end by itself: only the cancellation of a running job ends this test.
    source = f"""
import sys, time
sys.path.insert(0, {str(FOLDER)!r})
import numpy as np
from sepkit import Audio, Method
from threaded_host import SeparationService
method = Method("nmf", config={{"iterations": 100_000, "tolerance": 0}})
noises = (np.random.default_rng(seed).uniform(-1, 1, (1, 8000)).astype(np.float32) for seed in range(3))
first, second, noise = (Audio(noise, 8000) for noise in noises)
service = SeparationService(method, {{"a": first, "b": second}})
job = service.submit(noise)
while not service.state(job).startswith("learn a"):
    time.sleep(0.01)
service.cancel(job)
service.close()
print(service.state(job))
"""
    assert run("-c", source, folder=tmp_path).strip() == "cancelled"


def test_frozen_host_needs_no_entry_points(tmp_path: Path) -> None:
    source = f"""
import importlib.metadata, runpy
def none(group):
    assert group != "sepkit", "a frozen host was searched for plugins"
    return ()
importlib.metadata.entry_points = none
runpy.run_path({str(FOLDER / "frozen_host.py")!r}, run_name="__main__")
"""
    frozen = run("-c", source, folder=tmp_path, SEPKIT_DISABLE_PLUGINS="*")
    assert frozen.startswith("methods: nmf, median\n")
    measured = decibels(frozen)
    assert [name for name, _, _ in measured] == ["nmf", "median"]
    assert all(after > before + 10 for _, before, after in measured)


@pytest.mark.parametrize("name", ["notebook", "threaded_host", "frozen_host"])
def test_examples_stay_short(name: str) -> None:
    assert len((FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()) < 90
