"""``sepkit train``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sepkit import Registry
from tests.commandline import Outcome, call, files_below, record

TOYS = 'toy-waveforms:count=10,sources=["sine","saw"],duration_s=0.01'


@pytest.fixture(autouse=True)
def fakes_alone(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands see the fakes, and no plugin that is installed."""
    for command in ("train", "run", "list", "show"):
        monkeypatch.setattr(f"sepkit.cli.{command}.discover", lambda ctx: registry)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return tmp_path / "weights"


def train(weights: Path, *more: str | Path) -> Outcome:
    return call("train", "taught", TOYS, "-o", weights, *more)


def test_it_prints_the_folder_and_tells_what_was_learned_from(weights: Path) -> None:
    shown = train(weights, "--device", "cpu")
    assert (shown.code, shown.out) == (0, f"{weights}\n")
    assert shown.complaints == [
        "sepkit: note: listened to 8 tracks on cpu",
        "sepkit: tracks: 8 to learn from, 1 to choose by, 1 held out (00008)",
    ]
    assert files_below(weights) == ["levels.json"]


def test_what_comes_out_is_for_run(weights: Path, tmp_path: Path) -> None:
    train(weights)
    mixture = record(tmp_path / "mix.wav")
    shown = call("run", "taught", mixture, "-o", tmp_path / "out", "--weights", weights)
    assert (shown.code, shown.err) == (0, "")
    assert files_below(tmp_path / "out" / "mix") == ["saw.wav", "separation.json", "sine.wav"]
    told = json.loads((tmp_path / "out" / "mix" / "separation.json").read_text())
    assert told["adaptations"] == ["8000 Hz to 14700 Hz and back"]
    assert told["weights"][0]["digest"]


def test_json_prints_one_object_and_nothing_else(weights: Path) -> None:
    shown = train(weights, "--json", "--sources", "saw, sine", "--whole", "--device", "cpu")
    assert shown.code == 0
    assert json.loads(shown.out) == {
        "weights": str(weights),
        "sources": ["saw", "sine"],
        "tracks": {"train": 9, "valid": 1, "held_out": 0},
        "remarks": ["listened to 9 tracks on cpu"],
    }


def test_options_come_from_a_file_and_are_overridden(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "options.json").write_text('{"passes": 5}')
    for options, passes in (((), 5), (("--set", "passes=2"), 2)):
        shown = train(weights, "--config", tmp_path / "options.json", *options)
        assert f"listened to {8 * passes} tracks" in shown.err


def test_progress_reaches_its_end(weights: Path) -> None:
    shown = train(weights, "--progress", "json")
    events = [json.loads(line) for line in shown.complaints if line.startswith("{")]
    assert [event["done"] for event in events] == list(range(9))
    assert {(event["stage"], event["total"]) for event in events} == {("listen", 8)}


def test_equal_seeds_give_equal_bytes(weights: Path, tmp_path: Path) -> None:
    for name, seed in (("one", "3"), ("two", "3"), ("other", "4")):
        train(tmp_path / name, "--seed", seed)
    one, two, other = ((tmp_path / name / "levels.json").read_bytes() for name in ("one", "two", "other"))
    assert one == two != other


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train"], "Missing argument"),
        (["train", "taught", "-o", "x"], "give one DATASET or more, or tasks with --task"),
        (["train", "taught", TOYS], "Missing option '-o'"),
        (["train", "absent", TOYS, "-o", "x"], "no method 'absent' is installed"),
        (["train", "shares", TOYS, "-o", "x"], "method 'shares' cannot be trained; what can be: on-waveforms, taught"),
        (["train", "taught", "nowhere", "-o", "x"], "no dataset 'nowhere'"),
        (["train", "taught", "./nowhere", "-o", "x"], "no such folder or dataset: ./nowhere"),
        (["train", "taught", TOYS, "-o", "x", "--sources", "tuba"], "no track has a stem 'tuba'"),
        (["train", "taught", TOYS, "-o", "x", "--set", "passes=0"], "training of method 'taught'"),
        (["train", "taught", TOYS, "-o", "x", "--set", "speed=1"], "no option 'speed'"),
        (["train", "taught", TOYS, "-o", "x", "--set", "passes"], "--set needs KEY=VALUE"),
        (["train", "taught", TOYS, "-o", "x", "--config", "absent.json"], "cannot read options from absent.json"),
        (["train", "taught", TOYS, "-o", "x", "--seed", "-1"], "--seed"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = call(*arguments)
    assert (shown.code, shown.out, len(shown.complaints)) == (2, "", 1)
    assert words in shown.err
    assert files_below(tmp_path) == []


def test_a_place_that_cannot_be_written_to(regular_file: Path) -> None:
    shown = train(regular_file / "weights")
    assert (shown.code, len(shown.complaints)) == (2, 1)
    assert "choose another with -o" in shown.err


def test_a_fault_of_the_trainer_is_its_own(weights: Path) -> None:
    shown = train(weights, "--set", "fault=raises")
    assert (shown.code, shown.out) == (1, "")
    assert shown.complaints == ["sepkit: method 'taught' failed with ZeroDivisionError: no energy"]


def test_show_tells_what_can_be_trained() -> None:
    shown = call("show", "taught").out
    assert "of its training, given to sepkit train taught as --set NAME=VALUE" in shown
    assert "How often every track is looked at." in shown
    assert "training" not in call("show", "shares").out


def test_list_json_tells_what_can_be_trained() -> None:
    listed = json.loads(call("list", "--json").out)
    for kind in ("methods", "priors"):
        able = {one["name"] for one in listed[kind] if one["can_be_trained"]}
        assert able == ({"taught", "taught-bundled"} if kind == "methods" else {"on-waveforms"})
