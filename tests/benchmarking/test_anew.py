"""What of a benchmark that is run again is measured anew: all that may have come out otherwise."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sepkit import Config, Registry, Score
from sepkit.evaluation import Track
from sepkit.evaluation.benchmarking import dependencies
from sepkit.evaluation.benchmarking.entry import Entry
from tests.benchmarks import Benchmark, MadeUp
from tests.distributions import FOLDER


def configured(**options: Any) -> Entry:
    return Entry(label="halved", method="halve", **options)


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
