"""Going on where a benchmark was stopped: nothing is done twice, nothing stale is kept."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sepkit import Cancelled, Config, Progress, Registry, Score
from sepkit.errors import OutputError, WriteError
from sepkit.evaluation import Track
from sepkit.evaluation.benchmarking import dependencies
from sepkit.evaluation.benchmarking.entry import Entry
from sepkit.evaluation.benchmarking.report import Report
from sepkit.evaluation.benchmarking.results import Result, ResultsFile
from sepkit.evaluation.benchmarking.runner import benchmark
from tests.benchmarks import MadeUp, done, without_companions, write_track
from tests.commandline import call, files_below, left_behind
from tests.distributions import FOLDER, install

Benchmark = Callable[..., Report]


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


def configured(**options: Any) -> Entry:
    return Entry(label="halved", method="halve", **options)


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


@pytest.mark.parametrize(
    "changed",
    [
        {"config": {"steps": 2}},
        {"priors": ("quiet",)},
        {"constraints": ("peak-limit:peak=0.5",)},
        {"permute": True},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_configuration_is_measured_anew(again: Benchmark, made_up: MadeUp, changed: dict[str, Any]) -> None:
    again(configured())
    again(configured(**changed))
    assert sorted(made_up.jobs) == [("one", "halved"), ("two", "halved")]
    again(configured(**changed))
    assert made_up.jobs == []


@pytest.mark.parametrize("changed", [{"seed": 1}, {"metrics": ("sdr", "si-sdr")}], ids=["seed", "metrics"])
def test_other_conditions_are_measured_anew(again: Benchmark, made_up: MadeUp, changed: dict[str, Any]) -> None:
    again()
    again(**changed)
    assert len(made_up.jobs) == 2


def test_another_version_is_measured_anew(again: Benchmark, made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    again()
    monkeypatch.setattr("sepkit.solving.versions.__version__", "99.0")
    again()
    assert len(made_up.jobs) == 2


def test_other_code_of_the_same_version_is_measured_anew(
    again: Benchmark, made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "installed"
    shutil.copytree(FOLDER / "good", package)
    monkeypatch.setattr(sys, "path", [str(package), *(place for place in sys.path if place != str(FOLDER / "good"))])
    for name in [name for name in sys.modules if name.partition(".")[0] == "sepkit_fake_good"]:
        monkeypatch.delitem(sys.modules, name)
    again("halve", "unruly")
    code = package / "sepkit_fake_good" / "separator.py"
    code.write_text(code.read_text() + "\n# Another way to halve.\n")
    # As in another process, which has not yet looked at the code.
    dependencies._code.cache_clear()
    again("halve", "unruly")
    assert sorted(made_up.jobs) == [("one", "halve"), ("two", "halve")]


def test_code_that_a_metric_or_dataset_calls_counts_as_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "sepkit_of_mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "metric.py").write_text("from sepkit import Config\n\n\nclass Mine(Config):\n    pass\n")
    (package / "helper.py").write_text("FACTOR = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = importlib.import_module("sepkit_of_mine.metric").Mine()
    before = dependencies.of_classes([mine])
    (package / "helper.py").write_text("FACTOR = 2\n")
    dependencies._code.cache_clear()
    after = dependencies.of_classes([mine])
    assert None not in (*before, *after)
    assert before != after


def test_a_track_is_measured_anew_when_what_is_in_its_files_has_changed(
    again: Benchmark, made_up: MadeUp, dataset: Path
) -> None:
    again()
    file = dataset / "two" / "high.wav"
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    again()
    assert made_up.jobs == []
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    again()
    assert made_up.jobs == [("two", "halve")]


@pytest.mark.parametrize("name", ["score.csv", "f0/high.csv"])
def test_a_track_is_measured_anew_when_more_or_other_is_known_of_it(
    again: Benchmark, made_up: MadeUp, dataset: Path, name: str
) -> None:
    again()
    (dataset / "one" / "f0").mkdir()
    for content in ("0,1,60,high", "0,1,61,high"):
        (dataset / "one" / name).write_text(content)
        again()
        assert made_up.jobs == [("one", "halve")]


def test_files_that_a_dataset_makes_something_of_count_too(tmp_path: Path) -> None:
    file = tmp_path / "notes.mat"
    tracks = [Track(name="one", stems={}, score=partial(Score.read, place)) for place in (file, {"all": [file]})]
    for track in tracks:
        digests = []
        for content in ("first", "second"):
            file.write_text(content)
            digests.append(dependencies.of_track(track))
        assert digests[0] != digests[1]


def test_weights_that_changed_are_measured_anew(again: Benchmark, made_up: MadeUp, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    trained = Entry(label="trained", method="unruly", weights=weights)
    file = weights / "a"
    file.write_text("1")
    status = file.stat()
    again(trained)
    again(trained)
    assert made_up.jobs == []
    file.write_text("2")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    again(trained)
    assert len(made_up.jobs) == 2


def test_files_that_options_name_are_measured_anew_when_they_change(tmp_path: Path) -> None:
    class Options(Config):
        table: Path

    file = tmp_path / "table"
    registry = Registry.discover()
    spec = registry.separator("halve")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(spec), "load_config", lambda spec: Options)
        for content in ("first", "second"):
            file.write_text(content)
            found.append(dependencies.of_entry(configured(config={"table": str(file)}), registry)["files"])
    assert found[0] != found[1]
    assert list(found[0]) == ["halve: table"]


def test_what_failed_is_tried_again_and_what_did_not_fit_is_not(again: Benchmark, made_up: MadeUp) -> None:
    outcomes = {"one": {"status": "failed", "reason": "bad luck"}, "two": {"status": "unfit", "reason": "no score"}}
    made_up.outcome = lambda job: outcomes[job.track]
    assert again().failed == 1
    made_up.outcome = None
    assert again().failed == 0
    assert made_up.jobs == [("one", "halve")]


def test_an_oracle_is_measured_anew_when_it_is_to_be_heard(
    again: Benchmark, made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sepkit.evaluation.benchmarking.entry.ORACLES", ("ideal-binary-mask",))
    plain = made_up.run

    def run(job: Any) -> dict[str, Any]:
        outcome = plain(job)
        return outcome if job.estimates_to else {**outcome, "excerpts": {}}

    monkeypatch.setattr(made_up, "run", run)
    again("halve")
    again("halve", "ideal-binary-mask")
    assert made_up.jobs == [("one", "ideal-binary-mask"), ("two", "ideal-binary-mask")]


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
@pytest.mark.parametrize("value", [None, [], [1], {"a": 1}, "text", 1e400, {"a": {"b": {}}}], ids=repr)
def test_a_line_whose_values_are_damaged_never_takes_the_benchmark_down(
    again: Benchmark, made_up: MadeUp, key: str, value: Any
) -> None:
    file = again().folder / "results.jsonl"
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    file.write_text("".join(json.dumps({**line, key: value}) + "\n" for line in lines))
    assert [result.key for result in again().results] == [("one", "halve"), ("two", "halve")]


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
