"""`sepkit run` when all goes well: what is written, what is printed, and how options come together."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Note, Score
from sepkit.example import FOLDER as EXAMPLE
from tests.commandline import QUICK, Outcome, call, files_below, hum, record, spawn
from tests.distributions import install


@pytest.fixture(autouse=True)
def _good(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "good")


@pytest.fixture
def mixture(tmp_path: Path) -> Path:
    return record(tmp_path / "mix.wav")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def provenance(folder: Path) -> dict[str, Any]:
    """What separation.json holds; as strict readers read it, without NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads((folder / "separation.json").read_text(encoding="utf-8"), parse_constant=refuse)  # type: ignore[no-any-return]


def succeeded(done: Outcome) -> Outcome:
    assert (done.code, done.err) == (0, "")
    return done


def all_succeeded(done: Outcome, count: int) -> Outcome:
    """Several did, which the last line says."""
    assert (done.code, len(done.complaints)) == (0, 1)
    assert done.err.startswith(f"sepkit: {count} separated, 0 failed; ")
    return done


def results(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if path.is_dir())


def told_that_names_are_arbitrary(done: Outcome) -> Outcome:
    assert (done.code, len(done.complaints)) == (0, 1)
    assert "is arbitrary: nothing told 'nmf' what they sound like" in done.err
    return done


def test_stems_and_provenance_are_written_into_a_folder_for_the_mixture(mixture: Path, out: Path) -> None:
    done = told_that_names_are_arbitrary(call("run", "nmf", mixture, "-o", out, "--sources", "low,high", *QUICK))
    assert files_below(out) == ["mix", "mix/high.wav", "mix/low.wav", "mix/separation.json"]
    assert done.out.splitlines() == [str(out / "mix" / "low.wav"), str(out / "mix" / "high.wav")]
    for source in ("low", "high"):
        stem = Audio.read(out / "mix" / f"{source}.wav")
        assert (stem.sample_rate, stem.samples.shape) == (8000, (1, len(hum())))
    written = provenance(out / "mix")
    assert written["method"] == "nmf"
    assert written["sources"] == ["low", "high"]
    assert written["config"]["rank"] == 2
    assert written["files"] == {"low": "low.wav", "high": "high.wav"}
    assert len(written["traces"]["cost"]) == 2
    assert [f"sepkit: note on {mixture}: {remark}" for remark in written["remarks"]] == done.complaints


def test_without_sources_the_method_names_its_stems(mixture: Path, out: Path) -> None:
    succeeded(call("run", "nmf", mixture, "-o", out, *QUICK))
    assert provenance(out / "mix")["sources"] == ["component-1", "component-2"]


def test_several_mixtures_share_one_loaded_method(tmp_path: Path, out: Path) -> None:
    mixtures = [record(tmp_path / f"{name}.wav") for name in ("one", "two", "three")]
    all_succeeded(call("run", "halve", *mixtures, "-o", out), 3)
    assert results(out) == ["one", "three", "two"]
    assert [provenance(out / path.stem)["traces"]["loads"] for path in mixtures] == [[1.0]] * 3


def test_a_bad_mixture_among_good_ones_does_not_stop_the_others(tmp_path: Path, out: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio at all")
    done = call("run", "halve", record(tmp_path / "a.wav"), bad, record(tmp_path / "z.wav"), "-o", out)
    assert (done.code, len(done.complaints)) == (1, 2)
    assert str(bad) in done.complaints[0]
    assert "2 separated, 1 failed" in done.complaints[1]
    assert results(out) == ["a", "z"]
    assert len(done.out.splitlines()) == 4


def test_all_can_fail(tmp_path: Path, out: Path) -> None:
    mixtures = [record(tmp_path / "a.wav"), record(tmp_path / "b.wav")]
    done = call("run", "halve", *mixtures, "-o", out, "--set", "fault=exit")
    assert (done.code, len(done.complaints)) == (1, 3)
    assert files_below(out) == ["batch.jsonl"]


def test_options_come_from_a_file_and_are_overridden_one_by_one(tmp_path: Path, mixture: Path, out: Path) -> None:
    options = tmp_path / "options.json"
    options.write_text(json.dumps({"rank": 7, "iterations": 2, "solver": "mu", "window_s": 0.02}))
    low, high = record(tmp_path / "l.wav", hum() / 2), record(tmp_path / "h.wav", hum() / 3)
    settings = ["--set", "rank=3", "--set", "beta=0.5", "--example", f"low={low}", "--example", f"high={high}"]
    succeeded(call("run", "nmf", mixture, "-o", out, "--config", options, *settings))
    written = provenance(out / "mix")
    assert {key: written["config"][key] for key in ("rank", "iterations", "solver", "beta")} == {
        "rank": 3,
        "iterations": 2,
        "solver": "mu",
        "beta": 0.5,
    }
    assert written["sources"] == ["low", "high"]
    assert {"examples:low:0", "examples:high:0"} < set(written["inputs"])


@pytest.mark.parametrize(
    ("setting", "option", "value"),
    [
        ("rank=4", "rank", 4),
        ("rank=null", "rank", None),
        ("beta=1e0", "beta", 1.0),
        ("solver=mu", "solver", "mu"),
        ('solver="mu"', "solver", "mu"),
        (" rank =4", "rank", 4),
    ],
)
def test_a_setting_is_json_or_else_text(mixture: Path, out: Path, setting: str, option: str, value: Any) -> None:
    quick = ("--set", "iterations=1")
    succeeded(call("run", "nmf", mixture, "-o", out, *quick, "--set", setting))
    assert provenance(out / "mix")["config"][option] == value


def test_the_last_of_two_settings_wins(mixture: Path, out: Path) -> None:
    succeeded(call("run", "nmf", mixture, "-o", out, *QUICK, "--set", "rank=3"))
    assert provenance(out / "mix")["config"]["rank"] == 3


def test_priors_and_constraints_are_declared_as_text(mixture: Path, out: Path) -> None:
    statements = ["--prior", "sparsity:weight=2", "--prior", "continuity", "--constraint", "mixture-consistency"]
    told_that_names_are_arbitrary(call("run", "nmf", mixture, "-o", out, "--sources", "a,b", *QUICK, *statements))
    written = provenance(out / "mix")
    assert written["priors"] == [
        {
            "name": name,
            "statement": name,
            "domain": "activations",
            "options": {"weight": weight},
            "default": False,
        }
        for name, weight in (("sparsity", 2.0), ("continuity", 100.0))
    ]
    [constraint] = written["constraints"]
    assert (constraint["name"], constraint["domain"]) == ("mixture-consistency", "waveforms")
    assert constraint["violation"] == pytest.approx(0, abs=1e-6)


def test_a_plugins_prior_and_constraint_reach_a_plugins_method(mixture: Path, out: Path) -> None:
    statements = ["--prior", "quiet:weight=3", "--constraint", "peak-limit:peak=0.01"]
    succeeded(call("run", "halve", mixture, "-o", out, *statements))
    assert provenance(out / "mix")["traces"]["priors"] == [3.0]
    assert Audio.read(out / "mix" / "first.wav").samples.max() == pytest.approx(0.01)


def test_the_same_constraint_twice_is_numbered_and_applied_in_order(mixture: Path, out: Path) -> None:
    statements = ["--constraint", "peak-limit:peak=0.02", "--constraint", "peak-limit:peak=0.01"]
    succeeded(call("run", "halve", mixture, "-o", out, *statements))
    names = [constraint["name"] for constraint in provenance(out / "mix")["constraints"]]
    assert names == ["peak-limit", "peak-limit-2"]


def test_json_prints_one_object_a_line_and_nothing_else(tmp_path: Path, out: Path) -> None:
    mixtures = [record(tmp_path / "a.wav"), record(tmp_path / "b ü.wav")]
    done = all_succeeded(call("run", "halve", *mixtures, "-o", out, "--json"), 2)
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record["mixture"] for record in records] == list(map(str, mixtures))
    for written in records:
        assert written["method"] == "halve"
        assert written["seed"] == 0
        assert all(Path(file).is_file() for file in written["files"].values())


def test_json_goes_to_stdout_and_progress_and_complaints_to_stderr(tmp_path: Path, out: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio")
    arguments = ["run", "nmf", bad, record(tmp_path / "good.wav"), "-o", out, *QUICK, "--json", "--progress", "json"]
    done = spawn(*arguments, installed=("raises",))
    assert done.code == 1
    assert [json.loads(line)["mixture"] for line in done.out.splitlines()] == [str(tmp_path / "good.wav")]
    complaints = [line for line in done.complaints if not line.startswith("{")]
    assert len(complaints) == 3
    assert "raises" in complaints[0]
    assert str(bad) in complaints[1]
    assert {json.loads(line)["mixture"] for line in done.complaints if line not in complaints} == {"good.wav"}


def test_a_bar_that_is_asked_for_is_drawn_also_where_there_is_no_terminal(mixture: Path, out: Path) -> None:
    run = ("run", "halve", mixture, "-o", out, "--set", "steps=3")
    assert call(*run, "--progress", "auto").err == ""
    drawn = call(*run, "--progress", "bar").err
    assert "3/3" in drawn
    assert "mix.wav" in drawn


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("halve", ["--set", "steps=5"]),
        ("nmf", ["--set", "rank=2", "--set", "iterations=4", "--set", "tolerance=0"]),
        # Converges at once, and yet every stage ends at its total.
        ("nmf", ["--set", "rank=1", "--set", "iterations=500", "--set", "tolerance=0.9"]),
    ],
)
def test_progress_is_monotone_within_each_stage_and_ends_at_the_total(
    mixture: Path, out: Path, method: str, options: list[str]
) -> None:
    done = call("run", method, mixture, "-o", out, *options, "--progress", "json")
    assert done.code == 0
    events = [json.loads(line) for line in done.complaints if not line.startswith("sepkit: note")]
    assert events
    stages = [(stage, list(group)) for stage, group in groupby(events, key=lambda event: event["stage"])]
    assert len(stages) == len(dict(stages))
    for _, reports in stages:
        done_so_far = [report["done"] for report in reports]
        assert done_so_far == sorted(set(done_so_far))
        assert done_so_far[0] == 0
        assert done_so_far[-1] == reports[-1]["total"]
        assert len({report["total"] for report in reports}) == 1
        assert {report["mixture"] for report in reports} == {"mix.wav"}


def test_progress_is_silent_where_there_is_no_terminal(mixture: Path, out: Path) -> None:
    assert succeeded(spawn("run", "halve", mixture, "-o", out, installed=("good",))).out


def test_a_progress_bar_goes_to_stderr(mixture: Path, out: Path) -> None:
    done = call("run", "halve", mixture, "-o", out, "--progress", "bar", "--json")
    assert done.code == 0
    assert len(done.out.splitlines()) == 1
    json.loads(done.out)


def test_a_score_reaches_the_method(tmp_path: Path, mixture: Path, out: Path) -> None:
    score = tmp_path / "score.mid"
    Score((Note(0.0, 0.1, 60), Note(0.1, 0.2, 67))).write(score)
    done = call("run", "halve-by-score", mixture, "-o", out, "--score", score)
    assert (done.code, len(done.complaints)) == (0, 1)
    # The mixture is noise.
    assert "score and recording have little in common" in done.err
    record = provenance(out / "mix")
    assert record["traces"]["notes"] == [60.0, 67.0]
    assert record["alignment"]["moved"] is False


def test_f0_tracks_come_from_files_named_after_sources(tmp_path: Path, mixture: Path, out: Path) -> None:
    voice, bass = tmp_path / "voice.csv", tmp_path / "bass.csv"
    voice.write_text("time,f0\n0,440\n0.1,441\n")
    bass.write_text("0,55\n0.1,56\n")
    succeeded(call("run", "halve-by-f0", mixture, "-o", out, "--f0", voice, "--f0", bass))
    traces = provenance(out / "mix")["traces"]
    assert traces["f0 of voice"] == [440.0, 441.0]
    assert traces["f0 of bass"] == [55.0, 56.0]


def test_f0_tracks_come_from_a_folder(tmp_path: Path, mixture: Path, out: Path) -> None:
    tracks = tmp_path / "tracks"
    tracks.mkdir()
    for source, f0_hz in (("voice", 440), ("bass", 55)):
        (tracks / f"{source}.csv").write_text(f"0,{f0_hz}\n")
    (tracks / "notes.txt").write_text("not a track")
    succeeded(call("run", "halve-by-f0", mixture, "-o", out, "--f0", tracks))
    traces = provenance(out / "mix")["traces"]
    assert {name: value for name, value in traces.items() if name.startswith("f0")} == {
        "f0 of voice": [440.0],
        "f0 of bass": [55.0],
    }


def test_equal_seeds_give_equal_bytes_and_others_do_not(mixture: Path, tmp_path: Path) -> None:
    stems = []
    for run, seed in enumerate(("5", "5", "6")):
        succeeded(call("run", "nmf", mixture, "-o", tmp_path / str(run), *QUICK, "--seed", seed))
        stems.append((tmp_path / str(run) / "mix" / "component-1.wav").read_bytes())
    assert stems[0] == stems[1] != stems[2]


def test_running_again_replaces_the_files_and_leaves_others_alone(mixture: Path, out: Path) -> None:
    succeeded(call("run", "halve", mixture, "-o", out, "--sources", "a,c"))
    (out / "mix" / "notes.txt").write_text("mine")
    succeeded(call("run", "halve", mixture, "-o", out, "--sources", "a,b"))
    assert files_below(out / "mix") == ["a.wav", "b.wav", "notes.txt", "separation.json"]
    assert provenance(out / "mix")["sources"] == ["a", "b"]
    assert Audio.read(out / "mix" / "a.wav").samples[0] == pytest.approx(hum()[:, 0] / 2)


def test_relative_paths_and_deep_output_folders_work(
    mixture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = succeeded(call("run", "halve", "mix.wav", "-o", "a/b/c"))
    assert done.out.splitlines() == ["a/b/c/mix/first.wav", "a/b/c/mix/second.wav"]


@pytest.mark.parametrize("name", ["b ü.wav", "-dash.wav", "with.dots.v2.wav", ".hidden.wav", "UPPER.WAV", "x" * 200])
def test_unusual_names_of_mixtures_work(tmp_path: Path, out: Path, name: str) -> None:
    mixture = record(tmp_path / "mix.wav").rename(tmp_path / name)
    succeeded(call("run", "halve", "-o", out, "--", mixture))
    [folder] = out.iterdir()
    assert not folder.name.startswith(".")
    assert files_below(folder) == ["first.wav", "second.wav", "separation.json"]


def test_flac_is_read(out: Path) -> None:
    succeeded(call("run", "halve", EXAMPLE / "flute_example.flac", "-o", out, "--sources", "one,other"))
    assert np.array_equal(
        Audio.read(out / "flute_example" / "one.wav").samples, Audio.read(EXAMPLE / "flute_example.flac").samples / 2
    )
