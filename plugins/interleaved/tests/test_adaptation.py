"""Learning on from weights by way of `sepkit.adapt`: gain on what was never heard, no-op, going on after a stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Audio, Cancelled, Progress
from sepkit.errors import ConfigError, MismatchError
from sepkit.evaluation import Dataset, Track, evaluate

RATE = 8000
SCALES = {"low": (200.0, 250.0, 300.0), "high": (730.0, 910.0, 1100.0), "top": (1700.0, 2000.0, 2300.0)}
SIZE = {"size": "tiny", "sample_rate": RATE, "window_s": 0.064}
SHOWN = {"batch": 2, "excerpt_s": 0.8, "warmup": 5}
FEW = {**SHOWN, "steps": 4, "validate_every": 2, "save_every": 1}
DETUNED = 1.35
SOLOS = {"low": [(0.0, 5.0)], "high": [(5.0, 10.0)], "top": [(10.0, 15.0)]}
TWO = {source: SOLOS[source] for source in ("low", "high")}


def played(source: str, seed: int, seconds: float = 4.0, tuning: float = 1.0) -> Audio:
    """A new note every quarter of a second, each with four partials."""
    rng = np.random.default_rng([seed, sorted(SCALES).index(source)])
    t = np.arange(RATE // 4) / RATE
    notes = []
    for _ in range(round(4 * seconds)):
        f0_hz, gain = tuning * rng.choice(SCALES[source]), rng.uniform(0.05, 0.2)
        partials = [np.sin(2 * np.pi * m * f0_hz * t + rng.uniform(0, 6)) / m for m in range(1, 5)]
        notes.append(gain * np.exp(-4 * t) * np.sum(partials, axis=0))
    return Audio(np.concatenate(notes)[np.newaxis].astype(np.float32), RATE)


class Scales(Dataset):
    """All sources, in tune."""

    def tracks(self) -> Iterator[Track]:
        for number in range(5):
            stems = {source: partial(played, source, number) for source in SCALES}
            yield Track(name=f"scales {number}", stems=stems, split="train" if number else "valid")


def mixed(stems: dict[str, Audio]) -> Audio:
    return Audio(np.sum([stem.samples for stem in stems.values()], axis=0), RATE)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = {**SIZE, **SHOWN, "steps": 120, "validate_every": 40, "decoder_steps": 0}
    folder = tmp_path_factory.mktemp("interleaved") / "weights"
    return sepkit.train("interleaved", [Scales()], folder, config=config, device="cpu").folder


@pytest.fixture(scope="module")
def tutti() -> dict[str, Audio]:
    return {source: played(source, 11, tuning=DETUNED) for source in SCALES}


@pytest.fixture(scope="module")
def piece(tutti: dict[str, Audio]) -> Audio:
    """Every source alone and then all together, all of it out of tune."""
    solos = [played(source, 10, 5.0, DETUNED).samples for source in SOLOS]
    return Audio(np.concatenate([*solos, mixed(tutti).samples], axis=1), RATE)


def adapted(piece: Audio, weights: Path, folder: Path, **options: Any) -> Path:
    options = {"solos": SOLOS, "device": "cpu", "config": FEW, **options}
    return sepkit.adapt("interleaved", piece, folder, weights=weights, **options).folder


def files(folder: Path, pattern: str = "*.safetensors") -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob(pattern)) if file.is_file()
    }


def test_what_was_never_heard_is_separated_better_by_a_decibel(
    weights: Path, piece: Audio, tutti: dict[str, Audio], tmp_path: Path
) -> None:
    def sdr_db(folder: Path) -> float:
        found = sepkit.separate(mixed(tutti), "interleaved", weights=folder, device="cpu")
        return float(np.mean(list(evaluate(found, tutti, metrics=["sdr"]).values["SDR"].values())))

    config = {**SHOWN, "steps": 90, "learning_rate": 3e-3, "decay_from": 1.0}
    new = adapted(piece, weights, tmp_path / "new", config=config)
    before, after = sdr_db(weights), sdr_db(new)
    assert after > before + 1


def test_without_solos_nothing_changes(weights: Path, piece: Audio, tmp_path: Path) -> None:
    assert files(adapted(piece, weights, tmp_path / "new", solos=None), "*.*") == files(weights, "*.*")


def test_what_does_no_better_on_what_was_held_back_is_not_kept(weights: Path, piece: Audio, tmp_path: Path) -> None:
    config = {**FEW, "learning_rate": 0.5, "ema": 0.0}
    result = sepkit.adapt(
        "interleaved", piece, tmp_path / "new", weights=weights, solos=SOLOS, config=config, device="cpu"
    )
    assert files(tmp_path / "new") == files(weights)
    assert any("the weights are those of the start" in remark for remark in result.remarks)


def test_targets_without_solos_stay_as_they_are_and_so_does_the_encoder(
    weights: Path, piece: Audio, tmp_path: Path
) -> None:
    was, new = files(weights), files(adapted(piece, weights, tmp_path / "new", solos=TWO))
    moved = {name for name in was if was[name] != new[name]}
    # One for which nothing better was found is what it was.
    assert set() < moved <= {f"decoder.{source}/model.safetensors" for source in TWO}
    assert new.keys() == was.keys()


def test_solos_of_all_targets_move_the_encoder_too(weights: Path, piece: Audio, tmp_path: Path) -> None:
    examples = {"top": played("top", 3, tuning=DETUNED)}
    was, new = files(weights), files(adapted(piece, weights, tmp_path / "new", solos=TWO, examples=examples))
    assert all(was[name] != new[name] for name in was)


def test_what_was_stopped_comes_to_the_same_weights(weights: Path, piece: Audio, tmp_path: Path) -> None:
    stop = threading.Event()

    def report(event: Progress) -> None:
        if event.done == 2:
            stop.set()

    with pytest.raises(Cancelled):
        adapted(piece, weights, tmp_path / "new", reporter=report, cancel=stop)
    assert files(tmp_path / "new")
    whole = files(adapted(piece, weights, tmp_path / "whole"))
    assert files(adapted(piece, weights, tmp_path / "new")) == whole


def test_what_cannot_be_is_refused(weights: Path, piece: Audio, tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="know low, high, top and not cello"):
        adapted(piece, weights, tmp_path / "new", solos={**TWO, "cello": [(10, 12)]})
    with pytest.raises(ConfigError, match="size"):
        adapted(piece, weights, tmp_path / "new", config={**FEW, "size": "small"})
