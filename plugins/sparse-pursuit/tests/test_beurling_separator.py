"""Beurling LASSO on recordings, with a dictionary that is known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Separation, separate
from sepkit.errors import SepkitError
from sepkit.evaluation import evaluate

HARMONICS = {"full": [0.7, 1, 0.8, 0.6, 0.65, 0.4, 0.35, 0.3], "odd": [1, 0.05, 0.45, 0.03, 0.2, 0, 0.08, 0]}
FAST = {"window_s": 0.3, "hop_s": 0.02}


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Weights as a separation by sparse pursuit leaves them."""
    curves = {f"harmonics of {name}": harmonics for name, harmonics in HARMONICS.items()}
    record = {"method": "sparse-pursuit", "sources": list(HARMONICS), "traces": curves}
    (tmp_path / "separation.json").write_text(json.dumps(record), encoding="utf-8")
    return tmp_path


def tones(name: str, hz: list[float], rate: int, seconds: float = 0.5) -> np.ndarray:
    time = np.arange(int(seconds * rate)) / rate
    envelope = np.minimum(1, np.minimum(time, seconds - time) / 0.03)
    h = np.arange(1, 9)[:, np.newaxis]
    return np.concatenate(
        [envelope * (HARMONICS[name] @ (np.sin(2 * np.pi * h * f * time + h**2) * (h * f < rate / 2.2))) for f in hz]
    )


def duo(rate: int = 16_000) -> dict[str, Audio]:
    stems = {"full": tones("full", [294, 330, 392], rate), "odd": tones("odd", [440, 523, 466], rate)}
    return {name: Audio((0.1 * x / x.std()).astype(np.float32)[np.newaxis], rate) for name, x in stems.items()}


def mixed(stems: dict[str, Audio], channels: int = 1) -> Audio:
    samples = np.sum([stem.samples for stem in stems.values()], axis=0)
    return Audio(np.tile(samples, (channels, 1)), next(iter(stems.values())).sample_rate)


def separated(mixture: Audio, known: Path, **options: Any) -> Separation:
    return separate(mixture, "beurling-lasso", weights=known, config=FAST | options)


def test_instruments_that_are_known_are_told_apart_without_learning(known: Path) -> None:
    stems = duo()
    separation = separated(mixed(stems), known)
    assert list(separation) == ["full", "odd"]
    assert min(evaluate(separation, stems, metrics=["si-sdr"]).values["SI-SDR"].values()) > 12
    assert "cost" not in separation.provenance.traces


def test_the_record_tells_how_near_to_the_optimum_it_came(known: Path) -> None:
    traces = separated(mixed(duo()), known, steps=200, gap=0.01).provenance.traces
    assert len(traces["duality gap"]) == len(traces["certificate"]) > 0
    assert max(traces["duality gap"]) < 0.01
    assert max(traces["certificate"]) >= 1 - 1e-3


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(8_000, 1, 1.0), (96_000, 2, 1.0), (22_050, 1, 0.05)], ids=str
)
def test_any_rate_channels_and_length_will_do(rate: int, channels: int, seconds: float, known: Path) -> None:
    tone = tones("full", [330], rate, seconds)[np.newaxis].astype(np.float32)
    separation = separated(Audio(np.tile(tone, (channels, 1)), rate), known, steps=10)
    for stem in separation.values():
        assert stem.samples.shape == (channels, tone.shape[1])
        assert np.isfinite(stem.samples).all()


def test_silence_is_said_to_be_silent(known: Path) -> None:
    separation = separated(Audio(np.zeros((1, 8000), np.float32), 16_000), known)
    assert all(not stem.samples.any() for stem in separation.values())
    assert any("silent" in remark for remark in separation.provenance.remarks)


def test_where_one_instrument_plays_the_other_has_next_to_nothing(known: Path) -> None:
    stems = duo()
    separation = separated(stems["full"], known)
    loudness = {name: np.linalg.norm(stem.samples) for name, stem in separation.items()}
    assert loudness["odd"] < 0.3 * loudness["full"]


def test_what_tones_do_not_explain_is_left_to_the_residual(known: Path) -> None:
    """Percussion, for example; shared out in proportion, most of it would go to the stems."""
    stems, rng = duo(), np.random.default_rng(2)
    strokes = np.zeros(stems["full"].length)
    for onset in range(2000, len(strokes) - 2000, 6400):
        strokes[onset : onset + 2000] = rng.normal(0, 0.3, 2000) * np.exp(-np.arange(2000) / 300)
    mixture = mixed({**stems, "percussion": Audio(strokes.astype(np.float32)[np.newaxis], 16_000)})

    def kept(resynthesis: str) -> float:
        residual = separated(mixture, known, resynthesis=resynthesis).residual.samples[0]
        return float(residual @ strokes / (strokes @ strokes))

    assert kept("tones") > 0.5
    assert kept("tones") > kept("mask") + 0.2


def test_how_long_it_will_take_is_told_before_it_starts(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepkit_sparse_pursuit.duration.WORTH_TELLING_S", 0)
    monkeypatch.setattr("sepkit_sparse_pursuit.beurling_separator._MANY", 1)
    stages = set()
    separate(mixed(duo()), "beurling-lasso", weights=known, config=FAST, reporter=lambda p: stages.add(p.stage))
    assert any(re.fullmatch(r"solve, about \d+ min with what follows", stage) for stage in stages)


def test_without_a_dictionary_it_is_told_how_to_come_by_one() -> None:
    with pytest.raises(SepkitError, match="example"):
        separate(mixed(duo()), "beurling-lasso", sources=["full", "odd"])
