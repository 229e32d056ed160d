"""The demo: the hands of a pianist, parted by their notes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio, Score
from sepkit.example import HANDS, load
from tests.commandline import Outcome, call, record, spawn

NoiseOf = Callable[..., Audio]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def done(folder: Path) -> Outcome:
    return spawn("demo", "-o", folder)


def table(text: str, bar: str) -> dict[str, list[float]]:
    """Rows of a name and four figures, as they stand in a text."""
    rows = re.findall(rf"{bar} (\w+) +{bar} +([-\d.]+(?: +{bar} +[-\d.]+){{3}}) +{bar}", text)
    return {name: [float(figure) for figure in re.split(bar, row)] for name, row in rows}


@pytest.mark.slow
def test_beats_the_baselines_and_stays_below_the_oracle(done: Outcome) -> None:
    assert (done.code, done.err) == (0, "")
    rows = table(done.out, "│")
    assert list(rows) == list(HANDS)
    for mixture, comb, method, oracle in rows.values():
        assert mixture < comb < method < oracle + 1


@pytest.mark.slow
def test_the_readme_shows_what_it_prints(done: Outcome) -> None:
    shown = table((Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8"), r"\|")
    for stem, figures in table(done.out, "│").items():
        assert shown[stem] == pytest.approx(figures, abs=0.11)  # what another machine may round otherwise


@pytest.mark.slow
def test_writes_stems_mixture_score_and_pictures(done: Outcome, folder: Path) -> None:
    written = {path.name for path in folder.iterdir()}
    pictures = {"spectrograms.png", "factors.png"}
    assert written == {*pictures, "right.wav", "left.wav", "mixture.wav", "score.mid", "separation.json", "stems"}
    assert all((folder / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert str(folder) in done.out


@pytest.mark.slow
def test_what_it_says_to_do_next_works_on_what_it_has_written(done: Outcome, folder: Path, tmp_path: Path) -> None:
    (said,) = re.findall(r"^  sepkit (run score-nmf song\.wav --score song\.mid -o out)$", done.out, re.MULTILINE)
    mixture, score = folder / "mixture.wav", folder / "score.mid"
    np.testing.assert_array_equal(Audio.read(mixture).samples, load("piano").mixture.samples)
    assert len(Score.read(score).notes) == len(load("piano").score.notes)
    put = {"song.wav": mixture, "song.mid": score, "out": tmp_path}
    ran = call(*(put.get(word, word) for word in said.split()))
    assert (ran.code, ran.err) == (0, "")
    assert {path.stem for path in tmp_path.rglob("*.wav")} == set(HANDS)


def test_into_a_place_that_is_no_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    done = call("demo", "-o", record(tmp_path / "occupied.wav"))
    assert (done.code, len(done.complaints)) == (2, 1)
    assert "-o" in done.err


def test_without_matplotlib_says_so_once_and_goes_on(
    noise: NoiseOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sepkit import Separation
    from sepkit.cli import demo
    from tests.test_separation import provenance

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    demo._draw(Separation(noise(), {"a": noise()}, provenance()), tmp_path)
    assert capsys.readouterr().out.count('pip install "sepkit[plot]"') == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_sepkit_alone_shows_a_newcomer_something_and_says_what_more_there_is(tmp_path: Path) -> None:
    done = spawn("--no-plugins", "demo", "-o", tmp_path)
    assert done.code == 0
    assert {path.stem for path in tmp_path.glob("*.wav")} == {*HANDS, "mixture"}
    assert "pip install sepkit-score-nmf" in done.out
    assert "sepkit run harmonic-comb song.wav" in done.out
