"""`sepkit run --references`: where the true stems are found, and what is no such place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio
from tests.commandline import call, files_below, hum, record

LOW, HIGH = hum(), hum()[::-1]


@pytest.fixture(autouse=True)
def _recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    record(Path("mix.wav"), LOW + HIGH)


def stem(file: str, samples: np.ndarray = LOW, subtype: str = "FLOAT") -> None:
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    record(path, samples, subtype=subtype)


def sources() -> list[str]:
    """Names of the stems that were written."""
    return list(json.loads(Path("out/mix/separation.json").read_text(encoding="utf-8"))["sources"])


@pytest.mark.parametrize("place", ["truth", "truth/stems"])
def test_they_come_from_a_folder_or_the_stems_in_it(place: str) -> None:
    stem(f"{place}/low.wav", LOW)
    stem(f"{place}/high.WAV", HIGH)
    stem(f"{place}/.hidden.wav")
    stem("truth/Mixture.wav", LOW + HIGH)
    Path(place, "notes.txt").write_text("not a stem")
    done = call("run", "ideal-ratio-mask", "mix.wav", "-o", "out", "--references", "truth")
    assert (done.code, done.err, sources()) == (0, "", ["high", "low"])
    low, high = (Audio.read(f"out/mix/{source}.wav").samples for source in ("low", "high"))
    np.testing.assert_allclose(low + high, (LOW + HIGH).T, atol=1e-6)
    assert np.abs(low - LOW.T).mean() < np.abs(high - LOW.T).mean() / 2


def test_stems_of_the_folder_itself_go_before_those_in_stems() -> None:
    stem("truth/own.wav")
    stem("truth/stems/inner.wav")
    assert call("run", "ideal-binary-mask", "mix.wav", "-o", "out", "--references", "truth").code == 0
    assert sources() == ["own"]


def test_some_of_them_may_be_asked_for() -> None:
    stem("truth/low.wav", LOW)
    stem("truth/high.wav", HIGH)
    arguments = ("--references", "truth", "--sources", "low")
    assert call("run", "ideal-wiener-filter", "mix.wav", "-o", "out", *arguments).code == 0
    assert files_below(Path("out")) == ["mix", "mix/low.wav", "mix/separation.json"]


MISTAKES = {
    "none, where they are needed": ((), ("needs references", "--references")),
    "missing": (("--references", "none"), ("no such folder of stems: none",)),
    "no folder": (("--references", "mix.wav"), ("no such folder of stems: mix.wav",)),
    "empty": (("--references", "empty"), ("empty holds no stems", "<source>.wav", "stems/")),
    "nothing but a mixture": (("--references", "only"), ("only holds no stems",)),
    "two of one name": (("--references", "twins"), ("twins", "a.flac, a.wav", "keep one")),
    "another length": (("--references", "short"), ("reference 'a'", "shape and rate of the mixture")),
    "broken": (("--references", "broken"), ("a.wav", "as audio")),
    "of no source asked for": (
        ("--references", "like", "--sources", "a,../x"),
        ("no reference for ../x", "there are references for a"),
    ),
}


@pytest.mark.parametrize(("arguments", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    Path("empty").mkdir()
    stem("only/mixture.wav")
    stem("twins/a.wav")
    stem("twins/a.flac", subtype="PCM_16")
    stem("short/a.wav", LOW[1:])
    stem("like/a.wav")
    Path("broken").mkdir()
    Path("broken/a.wav").write_text("I am a poem.")
    done = call("run", "ideal-ratio-mask", "mix.wav", "-o", "out", *arguments)
    assert (done.code, done.out, len(done.complaints)) == (2, "", 1)
    for word in words:
        assert word in done.err
    assert files_below(Path("out")) == []


def test_without_score_and_f0_the_comb_asks_for_both() -> None:
    done = call("run", "harmonic-comb", "mix.wav", "-o", "out", "--sources", "a")
    assert (done.code, len(done.complaints)) == (2, 1)
    assert "it needs score or f0: give one with score=... or --score, or give F0 tracks with f0=... or --f0" in done.err
