"""Jobs in processes of their own: whatever a method does to its process, the benchmark knows and goes on."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Cancelled, separate
from sepkit.batching.processes import Processes
from sepkit.errors import SepkitError
from sepkit.evaluation.benchmarking.entry import Entry
from sepkit.evaluation.benchmarking.job import Job, run
from sepkit.evaluation.benchmarking.memory import forget_peak, peak_memory_bytes
from sepkit.evaluation.benchmarking.serialize import serialize
from sepkit.evaluation.datasets.folder import Folder
from sepkit.evaluation.evaluation import evaluate
from sepkit.evaluation.metrics.energy import SDR
from tests.benchmarks import install_everywhere, write_track
from tests.distributions import environment

HOARD_BYTES = 200 * 2**20

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture(autouse=True)
def _unruly(monkeypatch: pytest.MonkeyPatch) -> None:
    install_everywhere(monkeypatch, "unruly")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    write_track(tmp_path / "tracks" / "one")
    return Job(
        dataset=serialize(Folder(path=tmp_path / "tracks")),
        track="one",
        entry=Entry(label="unruly", method="unruly"),
        references=False,
        permute=False,
        metrics=[serialize(SDR())],
        seed=0,
        folder=str(tmp_path / "out"),
    )


def told(job: Job, **config: Any) -> Job:
    """The same job with a method that is told what to do."""
    return replace(job, entry=Entry(label="unruly", method="unruly", config=config))


def outcome_of(job: Job, disabled: Iterable[str] = ()) -> dict[str, Any]:
    """What comes of a job in a process of its own."""
    with Processes(1, calls_each=1, disabled=disabled) as processes:
        try:
            return dict(processes.submit(run, job).result())
        except SepkitError as error:
            return {"status": "failed", "reason": str(error)}


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A job that comes here tells its process id and waits for ever."""
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


def wait_for_end(pid: int) -> None:
    """Until a process that is no child of this one has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(handle):
        assert select.select([handle], [], [], 60)[0]


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("kill", "its process was killed by SIGKILL"),
        ("leave", "its process ended with code 3 and no result: out of licences"),
    ],
)
def test_a_method_that_ends_its_process_has_failed(job: Job, deed: str, reason: str) -> None:
    assert outcome_of(told(job, deed=deed)) == {"status": "failed", "reason": reason}


def test_what_a_method_prints_or_reads_does_not_disturb(job: Job) -> None:
    outcome = outcome_of(told(job, deed="chatter"))
    assert outcome["status"] == "done"
    assert outcome["parameters"] == 1234


def test_figures_are_those_that_the_same_seed_gives_anywhere(job: Job, tmp_path: Path) -> None:
    config = {"rank": 2, "iterations": 3}
    drawn = replace(job, entry=Entry(label="drawn", method="nmf", config=config), seed=5, permute=True)
    found = outcome_of(drawn)["figures"]["SDR"]
    track = next(Folder(path=tmp_path / "tracks").tracks())
    here = [
        evaluate(
            separate(track.load_mixture(), "nmf", sources=track.sources, config=config, seed=seed),
            track.load_stems(),
            metrics=["sdr"],
            permute=True,
        ).values["SDR"]
        for seed in (5, 6)
    ]
    assert found == pytest.approx(here[0], abs=1e-3)
    assert found != pytest.approx(here[1], abs=1e-3)


@linux
def test_memory_is_that_of_the_separation_and_not_of_the_process_that_started_it(job: Job) -> None:
    held_here = np.ones(HOARD_BYTES, np.uint8)
    outcome = outcome_of(told(job, deed="hoard"))
    assert outcome["bare_memory_bytes"] < held_here.nbytes
    assert 0.9 * HOARD_BYTES < outcome["peak_memory_bytes"] - outcome["bare_memory_bytes"] < 1.3 * HOARD_BYTES


@linux
def test_a_peak_can_be_forgotten() -> None:
    np.ones(HOARD_BYTES, np.uint8)
    before = peak_memory_bytes()
    forget_peak()
    after = peak_memory_bytes()
    assert before is not None
    assert after is not None
    assert before - after > 0.9 * HOARD_BYTES


def test_a_track_that_is_gone_is_named(job: Job, tmp_path: Path) -> None:
    (tmp_path / "tracks" / "one").rename(tmp_path / "tracks" / "other")
    outcome = outcome_of(job)
    assert outcome == {"status": "failed", "reason": "the track 'one' is no longer in its dataset"}


def test_a_track_without_stems_cannot_be_measured(job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "tracks" / "one"
    for stem in sorted(folder.glob("*.wav"))[1:]:
        stem.unlink()
    next(folder.glob("*.wav")).rename(folder / "mixture.wav")
    (folder / "score.csv").write_text("onset,offset,pitch\n0,1,60\n")
    outcome = outcome_of(job)
    assert outcome == {"status": "failed", "reason": "track 'one' has no stems to measure by; leave it out"}


def test_plugins_that_are_disabled_stay_so(job: Job) -> None:
    outcome = outcome_of(job, ["unruly"])
    assert outcome["status"] == "failed"
    assert "no method 'unruly' is installed" in outcome["reason"]


@linux
def test_ending_kills_what_runs_and_starts_nothing_more(job: Job, gate: Path) -> None:
    processes = Processes(1, calls_each=1)
    running, waiting = (processes.submit(run, told(job, gate=str(gate))) for _ in range(2))
    pid = int(gate.read_text())
    processes.end()
    with pytest.raises(Cancelled):
        running.result()
    assert waiting.cancelled()
    wait_for_end(pid)
    with pytest.raises(RuntimeError):
        processes.submit(run, job)


@pytest.fixture
def started(tmp_path: Path, job: Job, gate: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A benchmark of a method that works and one that waits at the gate, without baselines and oracles."""
    configurations = {"first": {"method": "unruly"}, "waiting": {"method": "unruly", "config": {"gate": str(gate)}}}
    (tmp_path / "entries.json").write_text(json.dumps(configurations))
    with subprocess.Popen(command(tmp_path), env=environment("unruly"), stdout=-1, stderr=-1) as process:
        yield process
        process.kill()


def command(folder: Path) -> list[str]:
    source = (
        "import sys, sepkit.evaluation.benchmarking.entry as entry; entry.BASELINES = entry.ORACLES = ();"
        "from sepkit.cli import main; main(sys.argv[1:])"
    )
    words = ["benchmark", "first,waiting", folder / "tracks", "-o", folder / "out", "--metric", "sdr", "--jobs", "1"]
    return [sys.executable, "-c", source, *map(str, words), "--config", str(folder / "entries.json")]


@linux
@pytest.mark.slow
def test_a_benchmark_that_was_killed_goes_on_where_it_was(
    started: subprocess.Popen[bytes], tmp_path: Path, gate: Path
) -> None:
    waiting = int(gate.read_text())
    results = tmp_path / "out" / "results.jsonl"
    before = results.read_bytes()
    assert [json.loads(line)["entry"] for line in before.splitlines()] == ["first"]
    started.send_signal(signal.SIGKILL)
    started.wait()
    wait_for_end(waiting)
    results.write_bytes(before + before[: len(before) // 2])

    # Now the gate is an ordinary file, at which nobody waits.
    gate.unlink()
    gate.touch()
    done = subprocess.run(command(tmp_path), env=environment("unruly"), capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = results.read_bytes().splitlines(keepends=True)
    assert first == before
    assert json.loads(second)["entry"] == "waiting"
    assert json.loads(second)["figures"] == json.loads(first)["figures"]


@linux
@pytest.mark.slow
def test_a_benchmark_that_is_stopped_keeps_what_is_done_and_leaves_no_process(
    started: subprocess.Popen[bytes], tmp_path: Path, gate: Path
) -> None:
    waiting = int(gate.read_text())
    started.send_signal(signal.SIGTERM)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 3
    assert err.decode().splitlines() == ["sepkit: cancelled; nothing was left half-written"]
    wait_for_end(waiting)
    assert len((tmp_path / "out" / "results.jsonl").read_bytes().splitlines()) == 1
