"""`sepkit align` and `sepkit run --align`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sepkit import Score, example
from tests.commandline import call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("align")
    piece = example.load("piano")
    piece.mixture.write(folder / "song.wav")
    piece.score.mapped(lambda seconds: 1 + 1.1 * np.asarray(seconds)).write(folder / "late.mid")
    example.load().score.write(folder / "other.mid")
    return folder


def test_it_writes_the_score_and_a_picture(folder: Path, tmp_path: Path) -> None:
    done = call(
        "align", folder / "song.wav", folder / "late.mid", "-o", tmp_path / "aligned.mid", "--backend", "builtin"
    )
    assert (done.code, done.err) == (0, "")
    assert "moved by" in done.out
    onsets, true = (
        np.array([note.onset_s for note in score.notes])
        for score in (Score.read(tmp_path / "aligned.mid"), example.load("piano").score)
    )
    assert np.median(np.abs(np.sort(onsets) - np.sort(true))) < 0.03
    assert (tmp_path / "aligned.png").read_bytes().startswith(b"\x89PNG")


def test_json_says_how_far_notes_moved(folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "path.svg"
    files = (folder / "song.wav", folder / "late.mid", "-o", tmp_path / "aligned.mid", "--plot", picture)
    done = call("align", *files, "--backend", "builtin", "--json")
    record = json.loads(done.out)
    assert record["worst_shift_s"] > 3 > record["mean_shift_s"] > 1
    assert record["picture"] == str(picture)
    assert picture.is_file()


@pytest.mark.parametrize(
    ("score", "output", "complaint"),
    [
        ("other.mid", "aligned.mid", "does not seem to be of this recording"),
        ("missing.mid", "aligned.mid", "no such score"),
        ("late.mid", "aligned.wav", "aligned.wav"),
        ("late.mid", "no/aligned.mid", "no folder"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    folder: Path, tmp_path: Path, score: str, output: str, complaint: str
) -> None:
    done = call("align", folder / "song.wav", folder / score, "-o", tmp_path / output, "--backend", "builtin")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert complaint in done.err
    assert list(tmp_path.iterdir()) == []


def test_run_aligns_first_when_asked_and_writes_what_is_wanted(folder: Path, tmp_path: Path) -> None:
    run = ("run", "score-nmf", folder / "song.wav", "-o", tmp_path, "--score", folder / "late.mid", "--align")
    done = call(*run, "--set", "iterations=5", "--only", "left", "--without", "right", "--gain", "left=-6")
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "song").glob("*.wav")} == {"left.wav", "without right.wav", "remix.wav"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--align",), "--align needs a score"),
        (("--gain", "left"), "NAME=DB"),
        (("--gain", "left=loud"), "NAME=DB"),
        (("--only", "middle"), "no stem 'middle'"),
    ],
)
def test_what_cannot_be_done_is_said(folder: Path, tmp_path: Path, options: tuple[str, ...], complaint: str) -> None:
    score = () if "--align" in options else ("--score", folder / "late.mid")
    done = call("run", "score-nmf", folder / "song.wav", "-o", tmp_path, *score, "--set", "iterations=1", *options)
    assert done.code == 2
    assert complaint in done.err
    assert not list(tmp_path.rglob("*.wav"))
