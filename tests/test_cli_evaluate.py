"""`sepkit evaluate`: table, JSON and CSV, files and folders, and what goes wrong."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from sepkit.plugin import MetricSpec
from tests.commandline import call, hum, record, spawn

QUICK = ("--metric", "sdr")


@pytest.fixture
def references(tmp_path: Path) -> Path:
    folder = tmp_path / "true stems"
    folder.mkdir()
    record(folder / "voice.wav", hum(1))
    record(folder / "drums.wav", hum(1)[::-1])
    return folder


@pytest.fixture
def estimates(references: Path, tmp_path: Path) -> Path:
    """20 dB below its reference is the error of the voice; there is none of the drums."""
    folder = tmp_path / "out"
    folder.mkdir()
    record(folder / "voice.wav", 1.1 * hum(1))
    record(folder / "drums.wav", hum(1)[::-1])
    return folder


def test_the_table_has_a_row_for_every_source_and_their_median(estimates: Path, references: Path) -> None:
    done = call("evaluate", estimates, references, *QUICK, "--metric", "si-sdr")
    assert (done.code, done.err) == (0, "")
    header, *lines = done.out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert header.split() == ["SDR", "SI-SDR", "SI-SIR", "SI-SAR"]
    assert rows["voice"][0] == "20.00"
    assert rows["drums"][0] == rows["median"][0] == "inf"
    assert "energy of the reference" in done.out
    assert "(sepkit " in done.out


def test_what_is_not_defined_is_a_dash(estimates: Path, references: Path) -> None:
    record(references / "drums.wav", np.zeros((8000, 1), np.float32))
    rows = [line.split() for line in call("evaluate", estimates, references, *QUICK).out.splitlines()]
    assert ["drums", "-"] in rows
    assert ["median", "20.00"] in rows


def test_json_is_one_object_with_everything(estimates: Path, references: Path) -> None:
    done = call("evaluate", estimates, references, *QUICK, "--json")
    [line] = done.out.splitlines()
    evaluation = json.loads(line)
    assert list(evaluation) == ["sources", "values", "frames", "assignment", "metrics", "notes"]
    assert evaluation["values"]["SDR"] == {"drums": "inf", "voice": pytest.approx(20, abs=1e-3)}


def test_csv_has_a_line_for_every_source_and_figure(estimates: Path, references: Path) -> None:
    done = call("evaluate", estimates, references, *QUICK, "--csv")
    rows = list(csv.DictReader(done.out.splitlines()))
    assert [(row["source"], row["figure"], row["unit"]) for row in rows] == [
        ("drums", "SDR", "dB"),
        ("voice", "SDR", "dB"),
    ]


def test_notes_go_to_stderr(estimates: Path, references: Path) -> None:
    record(estimates / "voice.wav", hum(1)[:-7])
    record(estimates / "residual.wav", hum(1))
    done = call("evaluate", estimates, references, *QUICK, "--json")
    assert done.code == 0
    assert [line.startswith("sepkit: ") for line in done.complaints] == [True, True]
    assert "residual" in done.complaints[0]
    assert "7 zeros" in done.complaints[1]
    assert [f"sepkit: {note}" for note in json.loads(done.out)["notes"]] == done.complaints


def test_two_files_are_a_pair_whatever_their_names(estimates: Path, references: Path) -> None:
    done = call("evaluate", estimates / "voice.wav", references / "voice.wav", *QUICK, "--csv")
    other = call(
        "evaluate", (estimates / "voice.wav").rename(estimates / "x.wav"), references / "voice.wav", *QUICK, "--csv"
    )
    assert (done.code, other.code) == (0, 0)
    assert other.out == done.out.replace("voice,voice", "voice,x")


def test_permute_goes_by_sound(estimates: Path, references: Path) -> None:
    (estimates / "voice.wav").rename(estimates / "component-2.wav")
    (estimates / "drums.wav").rename(estimates / "component-1.wav")
    done = call("evaluate", estimates, references, *QUICK, "--permute", "--json")
    assert json.loads(done.out)["assignment"] == {"drums": "component-1", "voice": "component-2"}


def test_without_metrics_what_is_not_installed_is_named_with_its_remedy(
    estimates: Path, references: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MetricSpec, "available", property(lambda spec: not spec.modules))
    done = call("evaluate", estimates, references, "--csv")
    assert done.code == 0
    assert done.complaints == ["sepkit: metric 'bss-eval' is left out: pip install 'sepkit[evaluation]'"]
    assert {row["figure"] for row in csv.DictReader(done.out.splitlines())} == {"SDR", "SI-SDR", "SI-SIR", "SI-SAR"}
    asked_for = call("evaluate", estimates, references, "--metric", "bss-eval")
    assert (asked_for.code, len(asked_for.complaints)) == (2, 1)
    assert "pip install 'sepkit[evaluation]'" in asked_for.err


def test_progress_as_json_goes_to_stderr_step_by_step(estimates: Path, references: Path) -> None:
    done = call("evaluate", estimates, references, *QUICK, "--json", "--progress", "json")
    events = [json.loads(line) for line in done.complaints]
    assert [event["done"] for event in events] == list(range(len(events)))
    assert events[-1]["done"] == events[-1]["total"]


@pytest.mark.slow
def test_options_of_metrics_are_given_as_text_and_nothing_warns(estimates: Path, references: Path) -> None:
    pytest.importorskip("museval")
    specs = ["--metric", "bss-eval:window_s=0.25,hop_s=0.25,filter_length=16", "--metric", "sdr"]
    done = spawn("evaluate", estimates, references, *specs, "--json", env={"PYTHONWARNINGS": "error"})
    assert (done.code, done.err) == (0, "")
    evaluation = json.loads(done.out)
    assert [len(frames) for frames in evaluation["frames"]["BSS-SDR"].values()] == [4, 4]
    assert evaluation["metrics"][0]["options"] == {"window_s": 0.25, "hop_s": 0.25, "filter_length": 16}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{out}", "{stems}", "--json", "--csv"], "--json and --csv"),
        (["{out}", "{stems}/voice.wav"], "voice.wav is a file and .*out is none; give two files or two folders"),
        (["nowhere", "{stems}"], "nowhere"),
        (["{out}", "{stems}", "--metric", "sdx"], "sdx.*sdr"),
        (["{out}", "{stems}", "--metric", "sdr:window_s=1"], "no option 'window_s'"),
        (["{out}", "{stems}", "--metric", "sdr", "--metric", "sdr"], "both give SDR"),
        (["{stems}", "{empty}"], "empty holds no stems"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    estimates: Path, references: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"out": estimates, "stems": references, "empty": tmp_path / "empty"}
    done = call("evaluate", *(argument.format(**places) for argument in arguments))
    assert (done.code, done.out, len(done.complaints)) == (2, "", 1)
    assert re.search(message, done.err)
