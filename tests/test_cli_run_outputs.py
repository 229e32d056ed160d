"""`sepkit run` with a score that is aligned first, and with solos, minus-ones and remixes in place of stems."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio, example
from tests.commandline import QUICK, call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("align")
    piece = example.load("piano")
    piece.mixture.write(folder / "song.wav")
    piece.score.mapped(lambda seconds: 1 + 1.1 * np.asarray(seconds)).write(folder / "late.mid")
    return folder


def test_it_aligns_first_when_asked_and_writes_what_is_wanted(folder: Path, tmp_path: Path) -> None:
    run = ("run", "score-nmf", folder / "song.wav", "-o", tmp_path, "--score", folder / "late.mid", "--align")
    done = call(*run, "--set", "iterations=5", "--only", "left", "--without", "right", "--gain", "left=-6")
    assert done.code == 0, done.err
    written = {path.stem: Audio.read(path).samples for path in (tmp_path / "song").glob("*.wav")}
    assert set(written) == {"left", "without_right", "remix"}
    truth = example.load("piano")
    assert _sdr(truth.stems["left"].samples, written["left"]) > 3
    mixture = truth.mixture.samples
    np.testing.assert_allclose(written["remix"] - mixture, (10 ** (-6 / 20) - 1) * written["left"], atol=1e-5)


def test_a_score_that_is_late_is_moved_or_told(folder: Path, tmp_path: Path) -> None:
    run = ("run", "score-nmf", folder / "song.wav", "-o", tmp_path, "--score", folder / "late.mid")
    said = {
        (): "were moved to where the recording plays them",
        ("--align", "auto"): "were moved to where the recording plays them",
        ("--align", "never"): "to move them there give --align auto",
    }
    truth, sdrs = example.load("piano").stems["left"].samples, []
    for options, remark in said.items():
        done = call(*run, "--set", "iterations=5", "--json", *options)
        assert (done.code, sum(remark in line for line in done.complaints)) == (0, 1), done.err
        record = json.loads(done.out)
        assert record["alignment"]["moved"] is (options[-1:] != ("never",))
        assert any(remark in line for line in record["remarks"])
        sdrs.append(_sdr(truth, Audio.read(tmp_path / "song" / "left.wav").samples))
    assert sdrs[0] == sdrs[1] > sdrs[2] + 3


def test_the_picture_comes_and_goes_with_its_result(folder: Path, tmp_path: Path) -> None:
    run = ("run", "nmf", folder / "song.wav", "-o", tmp_path, "--sources", "a,b", *QUICK)
    picture = tmp_path / "song" / "separation.png"
    done = call(*run, "--picture")
    assert done.code == 0, done.err
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "separation.png" in json.loads((tmp_path / "song" / "separation.json").read_text())["digests"]
    assert call("run", "--from", tmp_path / "song", "-o", tmp_path / "again").code == 0
    assert (tmp_path / "again" / "song" / "separation.png").read_bytes() == picture.read_bytes()
    assert call(*run).code == 0
    assert not picture.exists()


def test_without_matplotlib_a_picture_is_refused_before_any_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr("sepkit.solving.method.Method.separate", lambda *_, **__: pytest.fail("separated"))
    done = call("run", "nmf", folder / "song.wav", "-o", tmp_path, "--picture")
    assert (done.code, len(done.complaints)) == (1, 1)
    assert 'pip install "sepkit[plot]"' in done.err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--align",), "--align needs a score"),
        (("--align", "perhaps"), "'auto', 'always', 'never'"),
        (("--gain", "left"), "NAME=DB"),
        (("--gain", "left=loud"), "NAME=DB"),
        (("--gain", "left=1000"), "a number of dB up to 120, given 1000"),
        (("--only", "middle"), "no stem 'middle'"),
        (("--without", "middle"), "no stem 'middle'"),
        (("--parts", "left=9"), "9"),
    ],
)
def test_what_cannot_be_done_is_said(folder: Path, tmp_path: Path, options: tuple[str, ...], complaint: str) -> None:
    score = () if options == ("--align",) else ("--score", folder / "late.mid")
    done = call("run", "score-nmf", folder / "song.wav", "-o", tmp_path, *score, "--set", "iterations=1", *options)
    assert done.code == 2
    assert complaint in done.err
    assert not list(tmp_path.rglob("*.wav"))


@pytest.mark.parametrize("there", [False, True])
def test_a_run_that_fails_leaves_no_folder_that_was_not_there(folder: Path, tmp_path: Path, there: bool) -> None:
    output = tmp_path / "new" / "out"
    if there:
        output.mkdir(parents=True)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    assert call("run", "mixture", str(tmp_path / "broken.wav"), "--sources", "a", "-o", str(output)).code == 2
    assert output.is_dir() == there
    assert output.parent.is_dir() == there


def test_a_remix_that_players_would_clip_is_told(folder: Path, tmp_path: Path) -> None:
    run = ("run", "mixture", folder / "song.wav", "-o", tmp_path, "--sources", "all")
    done = call(*run, "--gain", "all=40")
    assert (done.code, len(done.complaints)) == (0, 1)
    peak_db = 20 * np.log10(np.abs(Audio.read(tmp_path / "song" / "remix.wav").samples).max())
    assert f"the remix peaks {peak_db:.1f} dB above full scale" in done.err
    assert call(*run, "--gain", "all=-1").err == ""


def _sdr(truth: np.ndarray, guess: np.ndarray) -> float:
    return float(10 * np.log10((truth**2).sum() / ((truth - guess) ** 2).sum()))
