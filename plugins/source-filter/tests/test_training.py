"""Training on mixtures alone: what is learned, what is the same again, going on after a stop, and what is no use."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Cancelled, Progress, Run
from sepkit.errors import ConfigError, DatasetError
from sepkit.evaluation import Track
from sepkit.neural import Checkpoint
from sepkit.training import TrainingData
from sepkit_source_filter.training import STATE, SourceFilterTrainer
from sepkit_source_filter.training_config import SourceFilterTraining

FEW: dict[str, Any] = {
    "steps": 8,
    "warmup": 2,
    "order": 10,
    "crops": 1,
    "crop_s": 0.5,
    "f0_rounds": 0,
    "save_every": 3,
    "validate_every": 4,
    "ema": 0.5,
}


@pytest.fixture(scope="module")
def choirs(sing: Any) -> Any:
    return [sing([(57, 60), (64, 65)], duration_s=1.5, seed=seed) for seed in (0, 1)]


def track(choir: Any, name: str = "lesson", **given: Any) -> Track:
    """A mixture with F0, of whose stems nothing is known."""
    f0 = {voice: partial(one.__class__, one.times_s, one.f0_hz) for voice, one in choir.tracks().items()}
    return Track(**{"name": name, "stems": {}, "mixture": lambda: choir.mixture, "f0": f0, **given})


def trained(folder: Path, data: TrainingData, run: Run | None = None, **options: Any) -> Path:
    folder.mkdir(exist_ok=True)
    config = SourceFilterTraining(**{**FEW, **options})
    SourceFilterTrainer(config).train(data, folder, run or Run(device="cpu"))
    return folder


def tensors(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


class TestTraining:
    @pytest.mark.slow
    def test_it_learns(self, choirs: Any, tmp_path: Path) -> None:
        data = TrainingData((track(choirs[0]),), (), ())
        about = Checkpoint.read(trained(tmp_path, data, steps=25), "source-filter").about
        assert np.mean(about["losses"][-5:]) < 0.8 * about["losses"][0]

    def test_what_it_learned_separates_another_mixture(self, choirs: Any, tmp_path: Path) -> None:
        folder = trained(tmp_path, TrainingData((track(choirs[0]),), (), ()))
        other = choirs[1]
        found = sepkit.separate(
            other.mixture, "source-filter", f0=other.tracks(), weights=folder, config={"f0_rounds": 0}
        )
        assert found.sources == other.names
        assert np.abs(found.residual.samples).max() < 1e-5

    def test_equal_seeds_give_equal_weights(self, choirs: Any, tmp_path: Path) -> None:
        data = TrainingData((track(choirs[0]),), (), ())
        folders = [
            trained(tmp_path / name, data, Run(seed=seed, device="cpu"))
            for name, seed in (("first", 3), ("again", 3), ("other", 4))
        ]
        first, again, other = map(tensors, folders)
        assert first == again != other

    def test_the_best_on_tracks_held_out_is_kept(self, choirs: Any, tmp_path: Path) -> None:
        data = TrainingData((track(choirs[0]),), (track(choirs[1], "other"),), ())
        about = Checkpoint.read(trained(tmp_path, data), "source-filter").about
        assert len(about["validations"]) == 2
        assert about["best_step"] == 4 * (1 + int(np.argmin(about["validations"])))

    def test_the_checkpoint_tells_what_it_was_made_of(self, choirs: Any, tmp_path: Path) -> None:
        checkpoint = Checkpoint.read(trained(tmp_path, TrainingData((track(choirs[0]),), (), ())), "source-filter")
        assert (checkpoint.sources, checkpoint.sample_rate) == (choirs[0].names, 16000)
        assert checkpoint.config["order"] == 10
        assert checkpoint.about["tracks"] == [["lesson", *choirs[0].names]]
        assert {file.name for file in tmp_path.iterdir()} == {"model.json", "model.safetensors"}

    def test_a_stopped_training_comes_to_the_same_weights(self, choirs: Any, tmp_path: Path) -> None:
        data = TrainingData((track(choirs[0]),), (), ())
        whole = trained(tmp_path / "whole", data)
        stop = threading.Event()

        def report(event: Progress) -> None:
            if event.stage == "train" and event.done == 5:
                stop.set()

        with pytest.raises(Cancelled):
            trained(tmp_path / "stopped", data, Run(device="cpu", reporter=report, cancel=stop))
        assert (tmp_path / "stopped" / STATE).is_file()
        assert tensors(trained(tmp_path / "stopped", data)) == tensors(whole)

    def test_progress_has_loss_and_validation(self, choirs: Any, tmp_path: Path) -> None:
        events: list[Progress] = []
        data = TrainingData((track(choirs[0]),), (track(choirs[1], "other"),), ())
        trained(tmp_path, data, Run(device="cpu", reporter=events.append), f0_rounds=1)
        assert {event.stage for event in events} == {"follow F0 of lesson", "follow F0 of other", "train"}
        assert events[-1].done == events[-1].total == 8
        assert set(events[-1].figures) == {"loss", "validation"}


class TestData:
    def test_a_score_does_too(self, choirs: Any, tmp_path: Path) -> None:
        notes = [sepkit.Note(0, 0.7, 57, part="voice 0"), sepkit.Note(0, 1.5, 64, part="voice 1")]
        scored = track(choirs[0], f0={}, score=lambda: sepkit.Score(tuple(notes)))
        checkpoint = Checkpoint.read(trained(tmp_path, TrainingData((scored,), (), ())), "source-filter")
        assert set(checkpoint.sources) == {"voice 0", "voice 1"}

    def test_pieces_may_have_other_voices_and_lengths(self, choirs: Any, sing: Any, tmp_path: Path) -> None:
        short = sing([(45,), (52,), (61,)], duration_s=0.3)
        data = TrainingData((track(choirs[0]), track(short, "short")), (track(short, "short"),), ())
        assert Checkpoint.read(trained(tmp_path, data), "source-filter").sources == short.names

    def test_stems_are_not_opened(self, choirs: Any, tmp_path: Path) -> None:
        def never() -> sepkit.Audio:
            raise AssertionError("a stem was opened")

        closed = track(choirs[0], stems=dict.fromkeys(choirs[0].names, never))
        trained(tmp_path, TrainingData((closed,), (), choirs[0].names))

    def test_tracks_of_which_not_all_f0_is_known_are_told(self, choirs: Any, tmp_path: Path) -> None:
        drums = track(choirs[0], "drums", stems={**dict.fromkeys(choirs[0].names, Path("a.wav")), "drums": Path("b")})
        bare = track(choirs[0], "bare", f0={})
        run = Run(device="cpu")
        trained(tmp_path, TrainingData((track(choirs[0]), drums, bare), (), (*choirs[0].names, "drums")), run)
        assert run.remarks == [
            "track drums is skipped: no F0 is known of drums",
            "track bare is skipped: it has neither F0 nor a score",
        ]
        with pytest.raises(DatasetError, match="no track to learn from has F0 or a score"):
            trained(tmp_path, TrainingData((bare,), (), ()))

    def test_some_of_the_voices_cannot_be_left_out(self, choirs: Any, tmp_path: Path) -> None:
        whole = track(choirs[0], stems=dict.fromkeys(choirs[0].names, Path("a.wav")))
        with pytest.raises(ConfigError, match="learns from mixtures as they are, and voice 1 sounds in lesson"):
            trained(tmp_path, TrainingData((whole,), (), ("voice 0",)))

    def test_a_folder_of_mixtures_with_f0(self, choirs: Any, tmp_path: Path) -> None:
        for number in range(3):
            folder = tmp_path / "songs" / f"song {number}"
            (folder / "f0").mkdir(parents=True)
            choirs[0].mixture.write(folder / "mixture.wav")
            for name, one in choirs[0].tracks().items():
                one.write(folder / "f0" / f"{name}.csv")
        result = sepkit.train("source-filter", [tmp_path / "songs"], tmp_path / "weights", config=FEW, device="cpu")
        assert (len(result.data.train), len(result.data.valid), len(result.held_out)) == (1, 1, 1)
        assert Checkpoint.read(result.folder, "source-filter").sources == choirs[0].names
