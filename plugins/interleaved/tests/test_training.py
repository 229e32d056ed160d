"""Training: what is shown, who learns, what is kept, and how it goes on after a kill."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sepkit
from plugins.interleaved.tests import toys
from sepkit import Audio, Run
from sepkit.errors import Cancelled, ConfigError, DatasetError
from sepkit.evaluation import Track
from sepkit.training import Task, TrainingData
from sepkit_interleaved.lessons import Lesson, random_filters
from sepkit_interleaved.recordings import Excerpts, Library
from sepkit_interleaved.sizes import Plan
from sepkit_interleaved.training_config import InterleavedTraining

CONFIG = InterleavedTraining(**toys.QUICK)
PLAN = Plan.of(CONFIG, toys.RATE)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Sums of several threads are not always in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of two of the kinds."""
    folder = tmp_path_factory.mktemp("weights")
    toys.train(folder, toys.data(["notes", "hits"]))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a training that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    toys.train(folder)
    return folder


def tensors(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*.safetensors"))}


class TestExcerpts:
    def drawn(self, remix: float = 0.0, gain_db: float = 0.0, channels: int = 1) -> np.ndarray[Any, Any]:
        library = Library(toys.RATE, channels)
        recordings = [library.recording(toys.track("hits", seed), ["hits"]) for seed in (1, 2)]
        return Excerpts(recordings, ("hits",), 4000, gain_db, remix).draw(6, np.random.default_rng(0))

    def test_target_and_rest_sum_to_the_mixture(self) -> None:
        recording = Library(toys.RATE, 1).recording(toys.track("hits", 1), ["hits"])
        parts = recording.parts(["hits"], 100, 4000)
        assert np.allclose(parts.sum(axis=0), toys.mixed(toys.KINDS, 1).samples[:, 100:4100], atol=1e-3)
        assert np.allclose(parts[0], toys.mixed(["hits"], 1).samples[:, 100:4100], atol=1e-3)

    def test_what_is_beyond_the_end_is_silent(self) -> None:
        recording = Library(toys.RATE, 1).recording(toys.track("hits", 1), ["hits"])
        parts = recording.parts(["hits"], recording.length - 10, 50)
        assert parts.shape == (2, 1, 50)
        assert not parts[..., 10:].any()

    def test_gains_are_within_bounds_and_differ(self) -> None:
        plain, louder = self.drawn(), self.drawn(gain_db=6)
        gains_db = 20 * np.log10(np.sqrt(np.square(louder).mean(axis=(2, 3)) / np.square(plain).mean(axis=(2, 3))))
        assert np.abs(gains_db).max() <= 6.01
        assert np.std(gains_db) > 1

    def test_remixing_takes_the_rest_from_elsewhere(self) -> None:
        library = Library(toys.RATE, 1)
        silence = Audio(np.zeros((1, 8000), np.float32), toys.RATE)
        loud = Audio(np.ones((1, 8000), np.float32), toys.RATE)
        alone = Track(name="alone", stems={"hits": lambda: loud}, mixture=lambda: loud)
        rest = Track(name="rest", stems={"hits": lambda: silence}, mixture=lambda: loud)
        recordings = [library.recording(track, ["hits"]) for track in (alone, rest)]
        parts = Excerpts(recordings, ("hits",), 100, 0.0, 1.0).draw(200, np.random.default_rng(0))[:, :, 0, 0]
        # In no track do target and rest sound at once, and in mixtures of several they do.
        assert ((parts[:, 0] > 0.5) & (parts[:, 1] > 0.5)).any()
        kept = Excerpts(recordings, ("hits",), 100, 0.0, 0.0).draw(200, np.random.default_rng(0))[:, :, 0, 0]
        assert np.allclose(kept.sum(axis=1), 1, atol=1e-3)

    def test_channels_are_exchanged(self) -> None:
        left = Audio(np.stack([np.ones(500), np.zeros(500)]).astype(np.float32), toys.RATE)
        recording = Library(toys.RATE, 2).recording(Track(name="left", stems={"hits": lambda: left}), ["hits"])
        parts = Excerpts([recording], ("hits",), 100, 0.0, 0.0).draw(40, np.random.default_rng(0))
        sides = parts[:, 0, :, 0].argmax(axis=1)
        assert set(sides) == {0, 1}

    def test_longer_recordings_come_more_often(self) -> None:
        library = Library(toys.RATE, 1)
        tracks = [
            Track(name=name, stems={"hits": partial(_constant, value, length)})
            for name, value, length in (("short", 0.1, 2000), ("long", 0.2, 18000))
        ]
        recordings = [library.recording(track, ["hits"]) for track in tracks]
        parts = Excerpts(recordings, ("hits",), 100, 0.0, 0.0).draw(400, np.random.default_rng(0))
        assert 0.82 < np.mean(parts[:, 0, 0, 0] > 0.15) < 0.97

    def test_filters_stay_within_bounds(self) -> None:
        curves = 20 * np.log10(random_filters(50, PLAN, 6.0, np.random.default_rng(0)))
        assert curves.shape == (50, PLAN.stft.bins)
        assert np.abs(curves).max() <= 6.0001
        assert np.std(curves) > 2

    @pytest.mark.parametrize("kind", ["l1", "mse", "phase"])
    def test_the_true_mask_has_no_loss_where_nothing_overlaps(self, kind: Any) -> None:
        whistle = toys.mixed(["whistle"], 3).samples[np.newaxis]
        both = np.concatenate([whistle, np.zeros_like(whistle)])[np.newaxis]
        lesson = Lesson.of(both, PLAN, kind, torch.device("cpu"))
        ones = torch.ones_like(lesson.stems[:, 0])
        assert float(lesson.difference(ones, 0, kind)) < 2e-4 < float(lesson.difference(0 * ones, 0, kind))


class TestLevels:
    """B10: the level of a database is nothing to a network."""

    def test_a_database_that_is_ten_times_as_loud_teaches_the_same(self, tmp_path: Path) -> None:
        soft = toys.train(tmp_path / "soft", toys.data(["notes", "hits"]))
        loud = toys.train(tmp_path / "loud", toys.data(["notes", "hits"], hits=10.0))
        for one, other in zip(
            soft.branches[0].encoder.parameters(), loud.branches[0].encoder.parameters(), strict=True
        ):
            assert torch.allclose(one, other, atol=2e-3)
        for name, buffer in soft.branches[0].encoder.named_buffers():
            assert torch.allclose(buffer, loud.branches[0].encoder.get_buffer(name), rtol=1e-2, atol=1e-3)


class TestTasks:
    def test_nobody_looks_at_stems_of_other_tasks(self, folder: Path) -> None:
        # B4: stems of kinds that are no target of a track raise when they are read; see toys.
        assert toys.read(folder).targets == ("notes", "hits")

    def test_every_decoder_learns(self, tmp_path: Path) -> None:
        options = {"steps": 60, "decoder_steps": 12, "learning_rate": 5e-3, "validate_every": 6}
        branch = toys.train(tmp_path / "w", **options).branches[0]
        assert branch.about[""]["validations"][-1] < 0.8 * branch.about[""]["validations"][0]
        for target in toys.KINDS:
            about = branch.about[target]
            assert about["validation"] == pytest.approx(min(about["validations"]))
            assert about["validation"] < about["validations"][0]

    @pytest.mark.parametrize("mode", ["accumulate", "independent"])
    def test_other_modes_learn_all_targets_too(self, tmp_path: Path, mode: str) -> None:
        trained = toys.train(tmp_path / "w", mode=mode)
        assert trained.targets == toys.KINDS
        assert len(trained.branches) == (3 if mode == "independent" else 1)

    def test_simultaneous_needs_tracks_with_all_targets(self, tmp_path: Path) -> None:
        whole = tuple(
            Track(name=f"all {seed}", stems={kind: partial(toys.mixed, [kind], seed) for kind in toys.KINDS})
            for seed in (1, 2)
        )
        trained = toys.train(tmp_path / "w", TrainingData(whole, (), toys.KINDS), mode="simultaneous")
        assert trained.targets == toys.KINDS
        bare = Track(name="bare", stems={"hits": partial(toys.mixed, ["hits"], 1)})
        with pytest.raises(DatasetError, match="mode=simultaneous needs all targets in every track, and bare has no"):
            toys.train(tmp_path / "v", TrainingData((*whole, bare), (), toys.KINDS), mode="simultaneous")

    def test_weights_of_losses_are_those_of_tasks(self, tmp_path: Path) -> None:
        with pytest.raises(
            ConfigError, match="weights has 'cello', which is no task; the tasks are notes, hits, whistle"
        ):
            toys.train(tmp_path / "w", weights={"cello": 2.0})

    def test_full_size_trains_and_separates(self, tmp_path: Path) -> None:
        options = {"size": "full", "steps": 2, "decoder_steps": 1, "batch": 2, "excerpt_s": 0.3}
        trained = toys.train(tmp_path / "w", toys.data(["notes", "hits"]), **options)
        assert trained.plan.size.backbone == "lstm"
        mono = toys.mixed(toys.KINDS, 5, seconds=0.5)
        stereo = Audio(np.concatenate([mono.samples, 0.5 * mono.samples]), toys.RATE)
        separation = sepkit.separate(stereo, "interleaved", weights=tmp_path / "w", device="cpu")
        assert separation.sources == ("notes", "hits")
        total = sum(stem.samples for stem in separation.values()) + separation.residual.samples
        assert np.allclose(total, stereo.samples, atol=1e-5)

    def test_silent_targets_are_refused(self, tmp_path: Path) -> None:
        silence = Audio(np.zeros((1, 8000), np.float32), toys.RATE)
        track = Track(name="silent", stems={"hits": lambda: silence}, mixture=partial(toys.mixed, toys.KINDS, 1))
        silent = Task("hits", (track,), ())
        with pytest.raises(DatasetError, match="target 'hits' is silent in all tracks"):
            toys.train(tmp_path / "w", TrainingData(silent.train, (), ("hits",), (silent,)))

    def test_numbers_of_weights_are_told(self, tmp_path: Path) -> None:
        run = Run(device="cpu")
        trained = toys.train(tmp_path / "w", run=run, steps=1, decoder_steps=0)
        told = next(remark for remark in run.remarks if "weights" in remark)
        assert f"{trained.parameters:,} weights; 3 networks that share nothing have" in told


class _AfterSteps(threading.Event):
    """Is set when it was asked so many times."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


class TestGoingOn:
    # In the middle of the common training, and of that of a decoder.
    @pytest.mark.parametrize("stopped", [6, 17])
    def test_it_comes_to_the_same_weights(self, whole: Path, tmp_path: Path, stopped: int) -> None:
        with pytest.raises(Cancelled):
            toys.train(tmp_path / "w", run=Run(device="cpu", cancel=_AfterSteps(stopped)))
        assert list((tmp_path / "w").glob("*.training.safetensors"))
        toys.train(tmp_path / "w")
        assert tensors(tmp_path / "w") == tensors(whole)
        assert not list((tmp_path / "w").glob("*.training.safetensors"))

    def test_another_seed_comes_to_others(self, whole: Path, tmp_path: Path) -> None:
        toys.train(tmp_path / "w", run=Run(device="cpu", seed=1))
        assert tensors(tmp_path / "w") != tensors(whole)


class TestAnotherTarget:
    """B5: a target that is added later."""

    def test_encoder_and_old_decoders_stay_to_the_bit(self, folder: Path, tmp_path: Path) -> None:
        added = toys.train(tmp_path / "w", toys.data(["whistle"]), start=folder)
        assert added.targets == ("notes", "hits", "whistle")
        before, after = tensors(folder), tensors(tmp_path / "w")
        assert {name: after[name] for name in before} == before
        assert set(after) - set(before) == {"decoder.whistle/model.safetensors"}
        mixture = toys.mixed(toys.KINDS, 7)
        one, other = (
            sepkit.separate(mixture, "interleaved", weights=place, device="cpu", config={"post_filter": "none"})
            for place in (folder, tmp_path / "w")
        )
        for source in one.sources:
            assert np.array_equal(one[source].samples, other[source].samples)

    def test_it_learns(self, folder: Path, tmp_path: Path) -> None:
        added = toys.train(tmp_path / "w", toys.data(["whistle"]), start=folder, steps=40, learning_rate=5e-3)
        about = added.branches[0].about["whistle"]
        assert about["validation"] < about["validations"][0]

    def test_all_that_are_known_learn_on_together(self, folder: Path, tmp_path: Path) -> None:
        toys.train(
            tmp_path / "w", toys.data(["notes", "hits"]), start=folder, steps=20, validate_every=2, learning_rate=3e-3
        )
        before, after = tensors(folder), tensors(tmp_path / "w")
        assert set(before) == set(after)
        assert all(before[name] != after[name] for name in before)

    def test_the_network_stays_what_it_is(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="have size=tiny, given size=small: what describes the model stays"):
            toys.train(tmp_path / "w", toys.data(["whistle"]), start=folder, size="small")

    def test_networks_of_their_own_have_no_encoder_to_add_to(self, tmp_path: Path) -> None:
        toys.train(tmp_path / "w", toys.data(["notes", "hits"]), mode="independent")
        with pytest.raises(ConfigError, match="trained independently have an encoder each"):
            toys.train(tmp_path / "v", toys.data(["whistle"]), start=tmp_path / "w")


def _constant(value: float, length: int) -> Audio:
    return Audio(np.full((1, length), value, np.float32), toys.RATE)
