"""Going on where a benchmark was stopped: nothing is done twice, nothing stale is kept."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sepkit import Cancelled, Progress
from sepkit.errors import OutputError, WriteError
from sepkit.evaluation.benchmarking.results import Result, ResultsFile
from sepkit.evaluation.benchmarking.runner import benchmark
from tests.benchmarks import Benchmark, MadeUp, done, write_track
from tests.commandline import call, files_below, left_behind


def test_a_second_run_does_nothing_and_writes_the_same_report(again: Benchmark, made_up: MadeUp) -> None:
    first = again("halve", "unruly")
    assert len(made_up.jobs) == 4
    results, text = (first.folder / "results.jsonl").read_bytes(), first.markdown.read_text()
    first.markdown.unlink()
    second = again("halve", "unruly")
    assert made_up.jobs == []
    assert (second.folder / "results.jsonl").read_bytes() == results
    assert second.markdown.read_text() == text
    assert second.results == first.results


def test_only_what_is_new_is_done(again: Benchmark, made_up: MadeUp, dataset: Path) -> None:
    again("halve")
    write_track(dataset / "three", seconds=0.01)
    assert len(again("halve", "unruly").results) == 6
    assert sorted(made_up.jobs) == [("one", "unruly"), ("three", "halve"), ("three", "unruly"), ("two", "unruly")]


def test_what_failed_is_tried_again_and_what_did_not_fit_is_not(again: Benchmark, made_up: MadeUp) -> None:
    outcomes = {"one": {"status": "failed", "reason": "bad luck"}, "two": {"status": "unfit", "reason": "no score"}}
    made_up.outcome = lambda job: outcomes[job.track]
    assert again().failed == 1
    made_up.outcome = None
    assert again().failed == 0
    assert made_up.jobs == [("one", "halve")]


@pytest.mark.parametrize("cut", [1, 20, -1])
def test_a_line_that_was_cut_off_is_dropped_and_done_again(again: Benchmark, made_up: MadeUp, cut: int) -> None:
    file = again().folder / "results.jsonl"
    whole = file.read_bytes()
    first, second = whole.splitlines(keepends=True)
    file.write_bytes(first + second[:cut])
    again()
    assert len(made_up.jobs) == 1
    assert sorted(file.read_bytes().splitlines()) == sorted(whole.splitlines())


DAMAGED = [
    b"not json",
    b"{}",
    b"[1]",
    b'{"track": "one", "entry": "halve"}',
    b"\xff",
    b"",
    b"[" * 100_000,
    b'{"track": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
]


def test_lines_of_somebody_else_are_passed_over_and_counted(again: Benchmark, made_up: MadeUp) -> None:
    file = again().folder / "results.jsonl"
    file.write_bytes(b"\n".join(DAMAGED) + b"\n" + file.read_bytes())
    report = again()
    assert made_up.jobs == []
    [remark] = report.remarks
    assert remark.startswith(f"{len(DAMAGED)} line(s) of {file} could not be read")
    assert "could not be read" in report.markdown.read_text()


@pytest.mark.parametrize("key", [field.name for field in fields(Result)])
def test_a_line_whose_values_are_damaged_never_takes_the_benchmark_down(
    again: Benchmark, made_up: MadeUp, key: str
) -> None:
    file = again().folder / "results.jsonl"
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    for value in (None, [], [1], {"a": 1}, "text", 1e400, {"a": {"b": {}}}):
        file.write_text("".join(json.dumps({**line, key: value}) + "\n" for line in lines))
        assert [result.key for result in again().results] == [("one", "halve"), ("two", "halve")], value


def test_results_that_are_no_file_are_refused(again: Benchmark, tmp_path: Path) -> None:
    os.makedirs(tmp_path / "out")
    os.mkfifo(tmp_path / "out" / "results.jsonl")
    with pytest.raises(OutputError, match=r"results\.jsonl is no file; choose another folder"):
        again()


def test_a_metric_that_fails_costs_the_others_nothing_and_is_tried_again(again: Benchmark, made_up: MadeUp) -> None:
    failed = {"failed_metrics": {"si-sdr": "metric 'si-sdr' failed with OSError: no such program"}}
    made_up.outcome = lambda job: {**done(job, {"low": 1.0, "high": 2.0}), **failed}
    report = again(metrics=("sdr", "si-sdr"))
    assert report.failed == 0
    assert report.failed_metrics == {"metric 'si-sdr' failed with OSError: no such program": 2}
    assert "halve on one and 1 more: metric 'si-sdr' failed with OSError" in report.markdown.read_text()
    assert all(result.figures["SDR"] for result in report.results)
    made_up.outcome = None
    assert again(metrics=("sdr", "si-sdr")).failed_metrics == {}
    assert len(made_up.jobs) == 2


def test_cancelling_keeps_what_is_done(again: Benchmark, made_up: MadeUp) -> None:
    stop = threading.Event()

    def be_killed(job: Any) -> None:
        if made_up.jobs:
            stop.wait()
            raise Cancelled("killed")

    made_up.before = be_killed
    with pytest.raises(Cancelled):
        again("halve", "unruly", jobs=1, reporter=lambda event: stop.set() if event.done else None, cancel=stop)
    assert made_up.jobs == [("one", "halve")]
    made_up.before = lambda job: None
    again("halve", "unruly")
    assert len(made_up.jobs) == 3


def test_progress_counts_what_was_done_before(again: Benchmark) -> None:
    again("halve")
    events: list[Progress] = []
    again("halve", "unruly", reporter=events.append)
    assert {(event.stage, event.total) for event in events} == {("tracks and methods", 4)}
    assert [event.done for event in events] == [0, 1, 2, 3, 4]


def test_two_benchmarks_cannot_share_a_folder(again: Benchmark, made_up: MadeUp, tmp_path: Path) -> None:
    refused: list[str] = []

    def start_another(job: Any) -> None:
        made_up.before = lambda job: None
        with pytest.raises(OutputError) as caught:
            benchmark(["halve"], [tmp_path / "tracks"], tmp_path / "out", metrics=["sdr"])
        refused.append(str(caught.value))

    made_up.before = start_another
    again(jobs=1)
    assert len(refused) == 1
    assert "another benchmark is at work" in refused[0]
    again()


def test_a_disk_that_is_full_ends_the_benchmark_and_leaves_whole_lines(
    again: Benchmark, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=r"results\.jsonl: No space left"):
        again(jobs=1)
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == b""


def test_half_written_excerpts_are_swept_away(again: Benchmark, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "audio" / "one" / "halve"
    folder.mkdir(parents=True)
    assert left_behind(folder / "low.mp3").exists()
    (folder / "low.mp3").write_text("whole")
    again()
    assert files_below(tmp_path / "out" / "audio") == ["one", "one/halve", "one/halve/low.mp3"]


def test_results_come_in_the_order_of_the_plan(again: Benchmark, made_up: MadeUp) -> None:
    made_up.outcome = lambda job: {"status": "failed" if job.track == "one" else "unfit"}
    again()
    assert [result.track for result in again().results] == ["one", "two"]
    assert made_up.jobs == [("one", "halve")]


def test_the_latest_line_counts(tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "results.jsonl")
    for reason in ("first", "second"):
        file.append(Result(track="a", entry="b", fingerprint="c", status="failed", reason=reason))
    assert [result.reason for result in file.read()[0].values()] == ["second"]


def test_the_command_prints_the_reports_and_exits_with_1_when_a_job_failed(
    made_up: MadeUp, dataset: Path, tmp_path: Path
) -> None:
    arguments = ("benchmark", "halve", dataset, "-o", tmp_path / "out", "--metric", "sdr")
    finished = call(*arguments)
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.splitlines() == [str(tmp_path / "out" / name) for name in ("report.md", "report.html")]
    made_up.outcome = lambda job: {"status": "failed", "reason": "bad luck"}
    failed = call(*arguments, "--seed", "2")
    assert (failed.code, failed.out) == (1, finished.out)
    assert failed.complaints == [f"sepkit: 2 of 2 jobs failed; see {tmp_path / 'out' / 'report.md'}"]
