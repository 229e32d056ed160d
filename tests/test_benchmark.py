"""A benchmark with everything real: what is recorded of methods that work, that fail and that do not fit."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio
from sepkit.evaluation.benchmarking.report import Report
from sepkit.evaluation.benchmarking.results import Result
from tests.benchmarks import BROKEN_TRACK, HOSTILE_SOURCE, HOSTILE_TRACK, finished

pytestmark = pytest.mark.slow

COMPANIONS = ["mixture", "silence", "ideal-ratio-mask"]


@pytest.fixture
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return finished(tmp_path_factory.getbasetemp())


@pytest.fixture
def good(report: Report) -> dict[str, Result]:
    """What came of every entry on the track that is not broken."""
    return {result.entry: result for result in report.results if result.track == HOSTILE_TRACK}


@pytest.fixture
def stems(report: Report) -> dict[str, Audio]:
    folder = report.folder.parent / "tracks" / HOSTILE_TRACK
    return {name: Audio.read(folder / f"{name}.wav") for name in (HOSTILE_SOURCE, "high")}


def lines(report: Report) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = (report.folder / "results.jsonl").read_text(encoding="utf-8")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_every_entry_and_every_baseline_and_oracle_is_run_on_every_track(report: Report) -> None:
    entries = ["halve", "halve-by-score", "raising", *COMPANIONS]
    assert [result.key for result in report.results] == [
        (track, entry) for track in (HOSTILE_TRACK, BROKEN_TRACK) for entry in entries
    ]
    assert sorted((line["track"], line["entry"]) for line in lines(report)) == sorted(
        result.key for result in report.results
    )


def test_what_works_fails_and_does_not_fit_is_told_apart(good: dict[str, Result]) -> None:
    statuses = {name: result.status for name, result in good.items()}
    assert statuses == {"halve": "done", "halve-by-score": "unfit", "raising": "failed"} | dict.fromkeys(
        COMPANIONS, "done"
    )
    assert good["raising"].reason == "method 'halve' failed with ZeroDivisionError: on purpose"
    assert "score" in good["halve-by-score"].reason


def test_a_broken_track_fails_for_everyone_and_stops_nobody(report: Report) -> None:
    broken = [result for result in report.results if result.track == BROKEN_TRACK]
    assert {result.status for result in broken} == {"failed"}
    assert all(BROKEN_TRACK in result.reason and "\n" not in result.reason for result in broken)
    assert report.failed == len(broken) + 1


def test_figures_are_those_of_the_definition(good: dict[str, Result], stems: dict[str, Audio]) -> None:
    mixture = sum(stem.samples.astype(np.float64) for stem in stems.values())
    for entry, estimate in (("halve", mixture / 2), ("mixture", mixture), ("silence", 0 * mixture)):
        for name, stem in stems.items():
            error = estimate - stem.samples
            sdr = 10 * math.log10(np.sum(stem.samples.astype(np.float64) ** 2) / np.sum(error**2))
            assert good[entry].figures["SDR"][name] == pytest.approx(sdr, abs=1e-3)
    assert good["silence"].figures["SI-SDR"] == dict.fromkeys(stems, -math.inf)


def test_the_oracle_knows_the_true_stems(good: dict[str, Result]) -> None:
    assert min(good["ideal-ratio-mask"].figures["SDR"].values()) > 20


def test_time_memory_and_provenance_are_recorded(good: dict[str, Result]) -> None:
    for result in good.values():
        if result.done:
            assert result.duration_s == pytest.approx(0.6)
            assert result.real_time_factor == pytest.approx(result.seconds / 0.6)
            assert result.peak_memory_bytes is not None
            assert result.bare_memory_bytes is not None
            assert result.peak_memory_bytes > 2**20
            assert result.provenance["sources"] == [HOSTILE_SOURCE, "high"]
            assert "traces" not in result.provenance
    assert good["halve"].provenance["method"] == "halve"
    assert good["halve"].provenance["plugin"]["version"] == "1.0"


def test_lines_are_strict_json_that_can_be_read_back(report: Report) -> None:
    silent = next(line for line in lines(report) if line["entry"] == "silence" and line["status"] == "done")
    assert set(silent["figures"]["SI-SDR"].values()) == {"-inf"}
    assert set(silent["figures"]["SI-SIR"].values()) == {None}
    for line in lines(report):
        assert Result.from_json(json.dumps(line).encode()).to_json() == json.dumps(line)


def test_excerpts_are_kept_of_what_was_asked_for_and_of_one_oracle(report: Report, good: dict[str, Result]) -> None:
    assert {name for name, result in good.items() if "estimates" in result.excerpts} == {"halve", "ideal-ratio-mask"}
    assert [name for name, result in good.items() if "truth" in result.excerpts] == ["mixture"]
    kept = [
        *good["halve"].excerpts["estimates"].values(),
        *good["ideal-ratio-mask"].excerpts["estimates"].values(),
        *good["mixture"].excerpts["truth"].values(),
        good["mixture"].excerpts["mixture"],
    ]
    audio = report.folder / "audio"
    assert sorted(path for path in audio.rglob("*") if path.is_file()) == sorted(report.folder / path for path in kept)
    for path in kept:
        assert Audio.read(report.folder / path).duration_s == pytest.approx(0.6, abs=0.1)


def test_excerpts_of_a_track_are_equally_louder(
    report: Report, good: dict[str, Result], stems: dict[str, Audio]
) -> None:
    rms = {name: float(np.sqrt(np.mean(stem.samples**2))) for name, stem in stems.items()}
    heard = {
        name: float(np.sqrt(np.mean(Audio.read(report.folder / path).samples ** 2)))
        for name, path in good["mixture"].excerpts["truth"].items()
    }
    assert heard["high"] / heard[HOSTILE_SOURCE] == pytest.approx(rms["high"] / rms[HOSTILE_SOURCE], rel=0.05)


def test_the_request_is_kept(report: Report) -> None:
    request = json.loads((report.folder / "benchmark.json").read_text(encoding="utf-8"))
    assert [entry["label"] for entry in request["entries"][:3]] == ["halve", "halve-by-score", "raising"]
    assert [metric["name"] for metric in request["metrics"]] == ["sdr", "si-sdr"]
    configurations = json.loads((report.folder / "configurations.json").read_text(encoding="utf-8"))
    assert configurations == {"raising": {"method": "halve", "config": {"fault": "raise"}}}
    assert request["command"].startswith("sepkit benchmark halve,halve-by-score,raising ")


def test_nothing_half_written_is_left(report: Report) -> None:
    assert {path.name for path in report.folder.iterdir()} == {
        ".lock",
        "audio",
        "benchmark.json",
        "configurations.json",
        "report.html",
        "report.md",
        "results.jsonl",
    }
    assert not [path for path in Path(report.folder).rglob("*") if path.suffix == ".partial"]
