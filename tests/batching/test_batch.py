"""Batches: many recordings on any executor; what is done stays done, what fails does not stop the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Audio, Cancelled, Progress
from sepkit.batching import BatchProgress, Here, Processes
from sepkit.batching.job import Job, JobRunner
from sepkit.batching.notices import Notices
from sepkit.batching.progress import Overall
from sepkit.errors import AudioError, ConfigError
from tests.batching.material import NAMES, SILENT, statuses
from tests.commandline import files_below, hum
from tests.distributions import environment
from tests.test_benchmark_process import wait_for_end


def test_of_twelve_jobs_of_which_one_kills_its_process_eleven_are_done(folder: Path, out: Path) -> None:
    how: dict[str, Any] = {"sources": ["a", "b"], "config": {"deed": "kill when silent"}, "workers": 2}
    done = sepkit.batch(folder, "unruly", out, **how)
    assert done.counts == {"done": 11, "skipped": 0, "failed": 1}
    [failed] = done.failed
    assert (Path(str(failed.mixture)).stem, failed.reason) == (SILENT, "its process was killed by SIGKILL")
    written = sorted(path.parent.name for path in out.glob("*/separation.json"))
    assert written == [name for name in NAMES if name != SILENT]
    again = sepkit.batch(folder, "unruly", out, **how)
    assert again.counts == {"done": 0, "skipped": 11, "failed": 1}


def test_the_list_tells_what_came_of_each(folder: Path, out: Path) -> None:
    (folder / f"{SILENT}.wav").write_text("no audio")
    sepkit.batch(folder, "halve", out, executor=Here())
    lines = [json.loads(line) for line in (out / "batch.jsonl").read_text().splitlines()]
    assert [Path(line["mixture"]).stem for line in lines] == NAMES
    assert {line["status"] for line in lines if line["reason"]} == {"failed"}
    assert all(Path(line["record"]).is_file() for line in lines if not line["reason"])
    assert all(Path(file).is_file() for line in lines for file in line["files"].values())


EXECUTORS: dict[str, Callable[[], Executor]] = {
    "here": Here,
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: Processes(2),
    "those of Python": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
}


@pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)
def test_any_executor_gives_the_same_files(three: list[Path], out: Path, executor: Callable[[], Executor]) -> None:
    how: dict[str, Any] = {"sources": ["a", "b"], "config": {"rank": 2, "iterations": 3}}
    with executor() as chosen:
        done = sepkit.batch(three, "nmf", out, executor=chosen, **how)
    assert statuses(done) == "ddd"
    assert files_below(out) == sorted(
        ["batch.jsonl", *"abc", *(f"{x}/{y}" for x in "abc" for y in ("a.wav", "b.wav", "separation.json"))]
    )
    one = sepkit.separate(three[1], "nmf", **how)
    np.testing.assert_allclose(Audio.read(out / "b" / "a.wav").samples, one["a"].samples, atol=1e-6)


def test_the_shards_of_a_batch_are_all_of_it_and_share_nothing(folder: Path, out: Path) -> None:
    done = [sepkit.batch(folder, "halve", out, executor=Here(), part=(number, 5)).outcomes for number in range(1, 6)]
    mixtures = [outcome.mixture for outcomes in done for outcome in outcomes]
    assert sorted(map(str, mixtures)) == [str(folder / f"{name}.wav") for name in NAMES]
    assert sorted(path.name for path in out.glob("*.jsonl")) == [f"batch-{number}-of-5.jsonl" for number in range(1, 6)]
    with pytest.raises(ConfigError, match="given 6 of 5"):
        sepkit.batch(folder, "halve", out, executor=Here(), part=(6, 5))


@pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)
def test_progress_never_falls_and_ends_at_one(three: list[Path], out: Path, executor: Callable[[], Executor]) -> None:
    told: list[BatchProgress] = []
    with executor() as chosen:
        sepkit.batch(three, "halve", out, executor=chosen, config={"steps": 30}, reporter=told.append)
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    assert (told[-1].done, told[-1].total, told[-1].fraction) == (3, 3, 1.0)
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert {title for one in told for title in one.running} <= {path.name for path in three}


def test_stages_share_the_time_of_a_recording_once_one_is_done() -> None:
    overall = Overall(["a", "b"], [None, None])
    assert overall.told({0: Progress("first", 1, 2)}).fraction == 0.25
    # What has been reached stays so when another stage begins.
    assert overall.told({0: Progress("second", 0, 2)}).fraction == 0.25
    assert overall.finish(0).fraction == 0.5
    assert overall.told({1: Progress("first", 2, 2)}).fraction == 0.75
    assert overall.told({1: Progress("second", 1, 2)}).fraction == 0.875
    assert overall.finish(1).fraction == 1


def test_whoever_works_stops_when_told_to_or_when_nobody_is_there_any_more(tmp_path: Path) -> None:
    notices = Notices(tmp_path)
    assert not notices.line(0).is_set()
    notices.stop()
    assert notices.line(0).is_set()
    others = Notices(tmp_path)
    line = others.line(0)
    others.close()
    assert line.is_set()


def test_methods_that_were_used_last_stay_loaded(three: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(name: str, **setup: Any) -> sepkit.Method:
        made.append(setup["config"]["steps"])
        return sepkit.Method(name, **setup)

    monkeypatch.setattr("sepkit.batching.job.Method", counted)
    runner = JobRunner()

    def run(steps: int) -> None:
        runner.run(Job(mixture=str(three[0]), method="halve", output=str(out), setup={"config": {"steps": steps}}))

    for steps in (*range(1, 11), 10, 9, 1):
        run(steps)
    assert made == [*range(1, 11), 1]


@pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)
def test_a_cancel_reaches_the_jobs_that_run(three: list[Path], out: Path, executor: Callable[[], Executor]) -> None:
    cancel = threading.Event()

    def report(progress: BatchProgress) -> None:
        if any(one.stage == "halve" for one in progress.running.values()):
            cancel.set()

    with executor() as chosen, pytest.raises(Cancelled):
        # More steps than anybody could wait for.
        sepkit.batch(three, "halve", out, executor=chosen, config={"steps": 10**9}, reporter=report, cancel=cancel)
        # The jobs have ended: an executor waits for them when it is left.
    assert files_below(out) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_whoever_kills_a_batch_kills_its_processes(three: list[Path], tmp_path: Path, out: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    source = (
        "import sys, sepkit; sepkit.batch(sys.argv[1:4], 'unruly', sys.argv[4], workers=1, sources=['a', 'b'],"
        "config={'gate': sys.argv[5]})"
    )
    command = [sys.executable, "-c", source, *map(str, three), str(out), str(gate)]
    with subprocess.Popen(command, env=environment("unruly")) as process:
        worker = int(gate.read_text())
        process.send_signal(signal.SIGKILL)
    wait_for_end(worker)
    gate.unlink()
    assert sepkit.batch(three, "unruly", out, executor=Here(), sources=["a", "b"]).counts["done"] == 3
    # What the one that was killed had half-written is gone.
    assert not [name for name in files_below(out) if ".partial" in name]


def test_what_no_recording_could_mend_is_told_before_any_work(three: list[Path], out: Path) -> None:
    with pytest.raises(ConfigError, match="steps"):
        sepkit.batch(three, "halve", out, executor=Here(), config={"steps": -1})
    with pytest.raises(ConfigError, match="no parameter 'sauces'"):
        sepkit.batch(three, "halve", out, executor=Here(), sauces=["a"])
    assert not out.exists()


def test_a_worker_that_does_not_see_the_folder_says_so(three: list[Path], out: Path) -> None:
    class Elsewhere(ThreadPoolExecutor):
        def submit(self, fn: Any, /, call: Any, line: Any) -> Any:  # type: ignore[override]
            line.folder = "/nowhere/out/.progress"
            return super().submit(fn, call, line)

    with Elsewhere(1) as executor:
        done = sepkit.batch(three, "halve", out, executor=executor)
    assert {outcome.reason.partition("does not see ")[2] for outcome in done.outcomes} == {
        "the folder /nowhere/out; give one with -o that all workers share"
    }


def test_an_executor_that_breaks_fails_what_is_left(folder: Path, out: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        how: dict[str, Any] = {"sources": ["a", "b"], "config": {"deed": "kill when silent"}}
        done = sepkit.batch(folder, "unruly", out, executor=executor, **how)
    assert done.counts["failed"] >= len(NAMES) - NAMES.index(SILENT)
    assert {outcome.error.__class__.__name__ for outcome in done.failed} == {"BrokenProcessPool"}


def test_nothing_to_do_is_a_mistake(tmp_path: Path, out: Path) -> None:
    (tmp_path / "empty").mkdir()
    for given in ([], [tmp_path / "empty"], str(tmp_path / "*.flac")):
        with pytest.raises(AudioError):
            sepkit.batch(given, "halve", out)


def test_tags_of_the_recording_are_those_of_its_stems(tmp_path: Path, out: Path) -> None:
    import soundfile

    with soundfile.SoundFile(tmp_path / "tagged.flac", "w", 8000, 1) as file:
        file.title, file.artist = "Étude", "Somebody"
        file.write(hum(0.05))
    for ending in ("wav", "flac", "ogg"):
        sepkit.batch(tmp_path / "tagged.flac", "halve", out, executor=Here(), outputs={"format": ending})
        with soundfile.SoundFile(out / "tagged" / f"first.{ending}") as file:
            assert (file.title, file.artist) == ("Étude", "Somebody")
