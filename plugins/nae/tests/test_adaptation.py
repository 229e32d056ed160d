"""Learning on from weights: adaptation to a piece, what stays as it is, going on after a stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from plugins.nae.tests import lessons
from sepkit import Audio, Cancelled, Progress
from sepkit.errors import ConfigError, DatasetError
from sepkit.evaluation import Dataset, Track, evaluate
from sepkit.neural import Checkpoint
from sepkit_nae.training import STATE, require_all

DETUNED = 1.12
FEW = {"steps": 8, "validate_every": 4, "save_every": 3}


def detuned(source: str, seed: int, seconds: float) -> Audio:
    """The same scale a tone higher, which the weights have never heard."""
    x = lessons.played(source, seed, seconds).samples[0]
    times = np.arange(int(len(x) / DETUNED)) * DETUNED
    return Audio(np.interp(times, np.arange(len(x)), x)[np.newaxis].astype(np.float32), lessons.RATE)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lessons.train(tmp_path_factory.mktemp("weights"), given=lessons.data(valid=True))


@pytest.fixture(scope="module")
def tutti() -> dict[str, Audio]:
    return {source: detuned(source, 11, 4.0) for source in lessons.SCALES}


@pytest.fixture(scope="module")
def piece(tutti: dict[str, Audio]) -> Audio:
    """Low alone, high alone, and both."""
    solos = [detuned(source, 10, 6.0).samples for source in ("low", "high")]
    return Audio(np.concatenate([*solos, mixed(tutti).samples], axis=1), lessons.RATE)


SOLOS = {"low": [(0, 5.3)], "high": [(5.4, 10.7)]}


def mixed(stems: dict[str, Audio]) -> Audio:
    return Audio(np.sum([stem.samples for stem in stems.values()], axis=0), lessons.RATE)


def adapted(piece: Audio, weights: Path, folder: Path, **options: Any) -> Path:
    options = {"solos": SOLOS, "device": "cpu", **options}
    return sepkit.adapt("nae", piece, folder, weights=weights, **options).folder


def tensors(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


class TestAdaptation:
    def test_to_what_was_never_heard_gains_a_decibel_in_every_source(
        self, weights: Path, piece: Audio, tutti: dict[str, Audio], tmp_path: Path
    ) -> None:
        def sdr_db(folder: Path) -> dict[str, float]:
            separation = sepkit.separate(mixed(tutti), "nae", weights=folder, device="cpu")
            return evaluate(separation, tutti, metrics=["sdr"]).values["SDR"]

        before = sdr_db(weights)
        after = sdr_db(adapted(piece, weights, tmp_path / "new"))
        assert all(after[source] > before[source] + 1 for source in before)

    def test_leaves_the_weights_at_the_start_alone(self, weights: Path, piece: Audio, tmp_path: Path) -> None:
        was = tensors(weights)
        assert tensors(adapted(piece, weights, tmp_path / "new", config=FEW)) != was
        assert tensors(weights) == was

    def test_without_solos_changes_nothing(self, weights: Path, piece: Audio, tmp_path: Path) -> None:
        new = adapted(piece, weights, tmp_path / "new", solos=None)
        assert tensors(new) == tensors(weights)
        assert (new / "model.json").read_bytes() == (weights / "model.json").read_bytes()

    def test_equal_seeds_give_equal_weights(self, weights: Path, piece: Audio, tmp_path: Path) -> None:
        first, again, other = (
            tensors(adapted(piece, weights, tmp_path / name, config=FEW, seed=seed))
            for name, seed in (("first", 3), ("again", 3), ("other", 4))
        )
        assert first == again != other

    def test_that_was_stopped_comes_to_the_same_weights(self, weights: Path, piece: Audio, tmp_path: Path) -> None:
        stop = threading.Event()

        def report(event: Progress) -> None:
            if event.stage == "train" and event.done == 5:
                stop.set()

        with pytest.raises(Cancelled):
            adapted(piece, weights, tmp_path / "new", config=FEW, reporter=report, cancel=stop)
        assert (tmp_path / "new" / STATE).is_file()
        with pytest.raises(ConfigError, match="state of a training with other options"):
            adapted(piece, weights, tmp_path / "new", config=FEW, solos={**SOLOS, "low": [(1, 5)]})
        whole = tensors(adapted(piece, weights, tmp_path / "whole", config=FEW))
        assert tensors(adapted(piece, weights, tmp_path / "new", config=FEW)) == whole

    def test_that_does_no_good_is_not_kept(self, weights: Path, piece: Audio, tmp_path: Path) -> None:
        spoiling = {**FEW, "learning_rate": 1.0, "warmup": 0}
        result = sepkit.adapt("nae", piece, tmp_path / "new", weights=weights, solos=SOLOS, config=spoiling)
        assert result.remarks == (
            "nothing that was learned did better on what was held back: the weights are those of the start",
        )
        new, old = (lessons.read(folder).model.decoder for folder in (result.folder, weights))
        # What is next to nothing is lifted, for its logarithm is trained.
        assert np.allclose(new.numpy(), old.numpy(), atol=1e-3 * float(old.mean()))
        assert Checkpoint.read(result.folder, "nae").about["best_step"] == 0


class TestLearningOn:
    def test_keeps_what_describes_the_model(self, weights: Path, piece: Audio, tmp_path: Path) -> None:
        kept = Checkpoint.read(adapted(piece, weights, tmp_path / "new", config=FEW), "nae").config
        assert (kept["rank"], kept["encoder_hidden"], kept["window_s"]) == (4, [16], 0.032)
        assert kept["steps"] == FEW["steps"]
        with pytest.raises(ConfigError, match=r"have rank=4, given rank=5: .*; leave it out"):
            adapted(piece, weights, tmp_path / "other", config={"rank": 5})

    def test_the_checkpoint_tells_where_it_comes_from(self, weights: Path, piece: Audio, tmp_path: Path) -> None:
        about = Checkpoint.read(adapted(piece, weights, tmp_path / "new", config=FEW), "nae").about
        assert len(about["from"]) == 64
        assert about["tracks"][0].startswith("solos-")

    def test_needs_all_sources_and_no_others(self) -> None:
        require_all(("low", "high"), ("high", "low"))
        with pytest.raises(DatasetError, match="know low, high and not 'third'"):
            require_all(("low", "high"), ("low", "high", "third"))
        with pytest.raises(DatasetError, match="nothing to learn 'high' from"):
            require_all(("low", "high"), ("low",))

    def test_from_a_dataset(self, weights: Path, tmp_path: Path) -> None:
        class Lessons(Dataset):
            def tracks(self) -> Iterator[Track]:
                yield from (replace(lessons.track(seed), split="train") for seed in (20, 21))

        trained = sepkit.train("nae", [Lessons()], tmp_path / "new", weights=weights, config=FEW, device="cpu")
        assert Checkpoint.read(trained.folder, "nae").about["tracks"] == ["lesson 20", "lesson 21"]
        assert tensors(trained.folder) != tensors(weights)
