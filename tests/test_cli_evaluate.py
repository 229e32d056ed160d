"""`sepkit evaluate`: table, JSON and CSV, files and folders, and what goes wrong."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Registry
from sepkit.evaluation import Figure, Metric, Stems
from sepkit.plugin import MetricSpec
from sepkit.problem.run import Run
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
    assert list(evaluation) == ["sources", "values", "frames", "assignment", "metrics", "notes", "failed"]
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


@pytest.fixture
def with_metrics(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Publishes metrics as if they were installed."""
    discover = Registry.discover

    def publish(*specs: MetricSpec) -> None:
        def discovered(**options: Any) -> Registry:
            registry = discover(**options)
            for spec in specs:
                registry.add(spec)
            return registry

        monkeypatch.setattr(Registry, "discover", discovered)

    return publish


def test_without_metrics_what_is_not_installed_is_named_with_its_remedy(
    estimates: Path, references: Path, with_metrics: Callable[..., None]
) -> None:
    needs: Any = {"extra": "sepkit-absent[all]", "modules": ("sepkit_absent",)}
    with_metrics(MetricSpec(name="absent", summary="absent", factory="sepkit_absent:A", figures=("A",), **needs))
    done = call("evaluate", estimates, references, "--csv")
    assert done.code == 0
    assert done.complaints == ["sepkit: metric 'absent' is left out: pip install 'sepkit-absent[all]'"]
    assert {row["figure"] for row in csv.DictReader(done.out.splitlines())} >= {"SDR", "SI-SDR", "BSS-SDR"}
    asked_for = call("evaluate", estimates, references, "--metric", "absent")
    assert (asked_for.code, len(asked_for.complaints)) == (2, 1)
    assert "pip install 'sepkit-absent[all]'" in asked_for.err


class Failing(Metric):
    """Fails as a library does that misses something."""

    figures: ClassVar[tuple[Figure, ...]] = (Figure("F1", "never measured"), Figure("F2", "never measured"))

    def measure(self, references: Stems, estimates: Stems, run: Run) -> Mapping[str, NDArray[np.floating]]:
        raise RuntimeError("a program\ncould not be found")


FAILING = MetricSpec(name="failing", summary="fails", factory=f"{__name__}:Failing", figures=("F1", "F2"))
UNMAKEABLE = MetricSpec(name="unmakeable", summary="fails", factory="json:absent", figures=("F3",))


def test_a_metric_that_fails_costs_the_others_nothing(
    estimates: Path, references: Path, with_metrics: Callable[..., None]
) -> None:
    with_metrics(FAILING, UNMAKEABLE)
    asked = ("--metric", "sdr", "--metric", "unmakeable", "--metric", "failing")
    done = call("evaluate", estimates, references, *asked, "--json")
    assert done.code == 0
    evaluation = json.loads(done.out)
    assert evaluation["values"]["SDR"]["voice"] == pytest.approx(20, abs=1e-4)
    assert evaluation["values"]["F1"] == evaluation["values"]["F2"] == {"drums": None, "voice": None}
    assert set(evaluation["failed"]) == {"failing", "unmakeable"}
    unmakeable, failing = sorted(done.complaints, key=len, reverse=True)
    assert failing == "sepkit: metric 'failing' failed with RuntimeError: a program could not be found"
    assert unmakeable.startswith("sepkit: metric 'unmakeable' cannot load json:absent: AttributeError")
    table = call("evaluate", estimates, references, *asked)
    assert table.code == 0
    assert re.search(r"^voice +20\.00 +- +- *$", table.out, re.MULTILINE)
    assert len(call("evaluate", estimates, references, "--csv").complaints) == 2


def test_where_nothing_was_measured_the_exit_code_tells(
    estimates: Path, references: Path, with_metrics: Callable[..., None]
) -> None:
    with_metrics(FAILING, UNMAKEABLE)
    done = call("evaluate", estimates, references, "--metric", "failing", "--metric", "unmakeable")
    assert (done.code, done.out, len(done.complaints)) == (1, "", 1)
    assert "a program could not be found" in done.err
    assert "json:absent" in done.err


def test_without_any_program_of_the_system_bss_eval_is_measured(estimates: Path, references: Path) -> None:
    done = spawn("evaluate", estimates, references, "--json", env={"PATH": ""})
    assert (done.code, done.err) == (0, "")
    values = json.loads(done.out)["values"]
    assert {"SDR", "SI-SDR", "BSS-SDR", "BSS-ISR", "BSS-SIR", "BSS-SAR"} <= set(values)
    assert values["BSS-SDR"]["voice"] == pytest.approx(20, abs=1e-3)


class TestWithARecord:
    """`separation.json` beside the estimates says which file is which stem."""

    @pytest.fixture
    def recorded(self, tmp_path: Path) -> Path:
        audio = Audio(np.ascontiguousarray(hum(1).T), 8000)
        other = Audio(np.ascontiguousarray(hum(1)[::-1].T), 8000)
        separation = sepkit.separate(audio, "mixture", sources=["drums/left", "voice"])
        dataclasses.replace(separation, stems={"drums/left": other, "voice": audio}).write(tmp_path / "run")
        return tmp_path / "run"

    @pytest.fixture
    def truth(self, references: Path, recorded: Path) -> Path:
        # A folder of references may have a record of its own.
        (references / "separation.json").write_text('{"files": {"drums/left": "drums.wav", "voice": "voice.wav"}}')
        return references

    def test_names_that_no_file_can_have_are_found(self, recorded: Path, truth: Path) -> None:
        done = call("evaluate", recorded, truth, *QUICK, "--json")
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out)["values"]["SDR"] == {"drums/left": "inf", "voice": "inf"}

    def test_what_it_does_not_list_is_left_out_and_named(self, recorded: Path, truth: Path) -> None:
        record(recorded / "bass.wav", hum(1))
        done = call("evaluate", recorded, truth, *QUICK, "--permute", "--json")
        assert done.code == 0
        assert done.complaints == ["sepkit: bass.wav: left out, separation.json beside it does not list it"]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "{}",
            '{"files": {}}',
            '{"files": {"voice": "../out/voice.wav"}}',
            '{"files": {"voice": "a.wav"}}',
            '{"files": {"voice": 1}}',
            '{"files": ["voice.wav"]}',
            "[" * 100_000,
            '{"files": {"voice": "' + 300 * "a" + '"}}',
        ],
    )
    def test_a_damaged_one_is_refused_in_one_line(self, recorded: Path, references: Path, text: str) -> None:
        (recorded / "separation.json").write_text(text)
        done = call("evaluate", recorded, references, *QUICK)
        assert (done.code, done.out, len(done.complaints)) == (2, "", 1)
        assert re.search(r"separation\.json .*; separate anew, or remove it", done.err)


def test_progress_as_json_goes_to_stderr_step_by_step(estimates: Path, references: Path) -> None:
    done = call("evaluate", estimates, references, *QUICK, "--json", "--progress", "json")
    events = [json.loads(line) for line in done.complaints]
    assert [event["done"] for event in events] == list(range(len(events)))
    assert events[-1]["done"] == events[-1]["total"]


@pytest.mark.slow
def test_options_of_metrics_are_given_as_text_and_nothing_warns(estimates: Path, references: Path) -> None:
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
