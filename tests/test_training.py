"""Training: what is learned from, what is held out, going on after a stop, and mistakes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sepkit_fakes as fakes

import sepkit
from sepkit import Audio, Cancelled, Progress, Registry
from sepkit.errors import ConfigError, DatasetError, OutputError, PluginError, UnknownNameError
from sepkit.evaluation import Dataset, Track
from sepkit.evaluation.splits import split
from sepkit.training import Trainer, TrainingConfig, TrainingResult, train

Train = Callable[..., TrainingResult]
LEVELS = {"voice": 0.3, "guitar": 0.4}
OPENED: list[str] = []


class Recordings(Dataset):
    """Tracks of constant samples, which note that they were opened."""

    count: int = 10
    sources: tuple[str, ...] = ("voice", "guitar")
    parts: bool = False

    def tracks(self) -> Iterator[Track]:
        for item in range(self.count):
            name = f"track {item}"

            def stem(source: str, name: str = name) -> Audio:
                OPENED.append(name)
                return Audio(np.full((1, 100), LEVELS.get(source, 0.5), np.float32), 8000)

            stems = {source: lambda source=source, stem=stem: stem(source) for source in self.sources}  # type: ignore[misc]
            yield Track(name=name, stems=stems, split="test" if self.parts else None)


@pytest.fixture
def teach(registry: Registry, tmp_path: Path) -> Train:
    """Trains `taught` with the fakes into a folder."""
    OPENED.clear()

    def teach(name: str = "taught", *datasets: Any, **options: Any) -> TrainingResult:
        return train(name, datasets or [Recordings()], tmp_path / "weights", registry=registry, **options)

    return teach


def learned(trained: TrainingResult) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((trained.folder / "levels.json").read_text())
    return record


class TestData:
    def test_tracks_of_the_test_part_are_not_opened(self, teach: Train) -> None:
        parts: dict[Any, Any] = dict(split(Recordings().tracks()))
        trained = teach()
        assert set(OPENED) == {track.name for track in parts["train"]}
        for part, tracks in (("train", trained.data.train), ("valid", trained.data.valid)):
            assert [track.name for track in tracks] == [track.name for track in parts[part]]
        assert trained.held_out == tuple(track.name for track in parts["test"])
        assert len(trained.held_out) == 1

    def test_tracks_without_any_of_the_stems_are_skipped_and_named(self, teach: Train) -> None:
        others = Recordings(count=7, sources=("drums",))
        trained = teach("taught", Recordings(), others, sources=["voice"], whole=True)
        learned_from = [*trained.data.train, *trained.data.valid]
        assert {track.sources for track in learned_from} == {("voice", "guitar")}
        [remark] = [remark for remark in trained.remarks if "skipped" in remark]
        assert remark.startswith("7 tracks are skipped, without a stem voice: track ")
        assert remark.endswith(" and 2 more")
        one = teach("taught", Recordings(), Recordings(count=1, sources=("drums",)), sources=["voice"], whole=True)
        assert "track track 0 is skipped, without a stem voice" in one.remarks

    def test_mixtures_without_stems_are_for_trainers_that_want_them(
        self, teach: Train, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mixtures = Recordings(count=7, sources=())
        trained = teach("taught", Recordings(), mixtures, whole=True)
        assert all(track.sources for track in (*trained.data.train, *trained.data.valid))
        [remark] = [remark for remark in trained.remarks if "skipped" in remark]
        assert remark.startswith("7 tracks are skipped, without stems: track ")
        with pytest.raises(DatasetError, match="have no stems, and this is not learned from mixtures"):
            teach("taught", mixtures, whole=True)
        monkeypatch.setattr(fakes.Teaching, "from_mixtures", True)
        monkeypatch.setattr(fakes.Teaching, "train", lambda *_: None)
        assert len(teach("taught", Recordings(), mixtures, whole=True).data.train) == 15

    def test_where_no_track_has_another_stem_nothing_is_skipped(self, teach: Train) -> None:
        assert not any("skipped" in remark for remark in teach().remarks)

    def test_the_whole_is_opened_if_told_to(self, teach: Train) -> None:
        trained = teach(whole=True)
        assert len(trained.data.train) == 9
        assert (len(trained.data.valid), trained.held_out) == (1, ())

    def test_a_dataset_of_test_tracks_alone_has_nothing_to_learn_from(self, teach: Train) -> None:
        with pytest.raises(DatasetError, match=r"no tracks to learn from; .*--whole"):
            teach("taught", Recordings(parts=True))
        assert len(teach("taught", Recordings(parts=True), whole=True).data.train) == 10

    def test_several_datasets_are_learned_from(self, teach: Train) -> None:
        trained = teach("taught", Recordings(), "toy-waveforms:count=10,duration_s=0.01")
        assert trained.data.sources == ("voice", "guitar", "sine", "square", "saw", "triangle")
        assert len(trained.data.train) == 16

    def test_sources_can_be_chosen(self, teach: Train) -> None:
        assert list(learned(teach(sources=["guitar"]))["levels"]) == ["guitar"]

    @pytest.mark.parametrize("datasets", ["example", Path("x"), Recordings()])
    def test_one_dataset_is_no_list(self, registry: Registry, tmp_path: Path, datasets: Any) -> None:
        with pytest.raises(ConfigError, match="datasets needs a list"):
            train("taught", datasets, tmp_path, registry=registry)

    def test_no_dataset_is_nothing_to_learn_from(self, registry: Registry, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="no tracks to learn from"):
            train("taught", [], tmp_path, registry=registry)

    @pytest.mark.parametrize("sources", [["drums"], ["voice", "drums"]])
    def test_a_stem_that_no_track_has_is_named(self, teach: Train, sources: list[str]) -> None:
        with pytest.raises(DatasetError, match="'drums'; the stems are voice, guitar"):
            teach(sources=sources)

    @pytest.mark.parametrize("sources", ["voice", ["voice", "voice"]])
    def test_sources_are_a_list_of_distinct_names(self, teach: Train, sources: Any) -> None:
        with pytest.raises(ConfigError, match="sources"):
            teach(sources=sources)

    def test_mistakes_are_found_before_anything_is_opened(self, teach: Train, registry: Registry) -> None:
        for name, options in (("taught", {"config": {"passes": 0}}), ("taught", {"seed": -1}), ("shares", {})):
            with pytest.raises(sepkit.errors.UserError):
                teach(name, **options)
        assert OPENED == []


class TestWeights:
    def test_are_what_the_method_separates_with(self, teach: Train, registry: Registry) -> None:
        trained = teach()
        mixture = Audio(np.ones((1, 50), np.float32), 8000)
        separation = sepkit.separate(mixture, "taught", weights=trained.folder, registry=registry)
        assert separation.sources == ("voice", "guitar")
        levels = learned(trained)["levels"]
        assert levels["voice"] / levels["guitar"] == pytest.approx(0.75)
        assert separation["voice"].samples == pytest.approx(np.full((1, 50), levels["voice"]))

    def test_of_equal_seeds_are_equal(self, teach: Train) -> None:
        first, again, other = learned(teach(seed=1)), learned(teach(seed=1)), learned(teach(seed=2))
        assert first == again != other

    def test_of_a_prior_are_trained_alike(self, teach: Train) -> None:
        assert set(learned(teach("on-waveforms"))["levels"]) == {"voice", "guitar"}

    def test_go_to_a_folder_that_is_made(self, registry: Registry, tmp_path: Path) -> None:
        folder = tmp_path / "deep" / "weights"
        assert train("taught", [Recordings()], str(folder), registry=registry).folder == folder
        assert [path.name for path in folder.iterdir()] == ["levels.json"]

    def test_need_a_place_to_be_written_to(self, registry: Registry, regular_file: Path) -> None:
        OPENED.clear()
        with pytest.raises(OutputError, match="choose another"):
            train("taught", [Recordings()], regular_file / "weights", registry=registry)
        assert OPENED == []


class TestStopping:
    def test_what_was_cancelled_goes_on_to_the_same_weights(self, teach: Train) -> None:
        expected = learned(teach(config={"passes": 3}))
        for stop in (1, 5, 11):
            cancel = threading.Event()

            def report(event: Progress, stop: int = stop, cancel: threading.Event = cancel) -> None:
                if event.done == stop:
                    cancel.set()

            with pytest.raises(Cancelled):
                teach(config={"passes": 3}, reporter=report, cancel=cancel)
            OPENED.clear()
            assert learned(teach(config={"passes": 3})) == expected
            # The step that was under way is done.
            assert len(OPENED) == 2 * (24 - stop - 1)

    def test_progress_reaches_its_end(self, teach: Train) -> None:
        events: list[Progress] = []
        teach(reporter=events.append)
        assert events[-1] == Progress("listen", 8, 8)


class TestTrainers:
    def test_remarks_and_the_device_reach_both_sides(self, teach: Train) -> None:
        assert teach(device="cpu").remarks == ("listened to 8 tracks on cpu",)

    @pytest.mark.parametrize("left", [[], ["notes.txt"]], ids=["nothing", "a file"])
    def test_that_fail_leave_the_folders_that_were_there(
        self, registry: Registry, tmp_path: Path, left: list[str]
    ) -> None:
        (tmp_path / "there").mkdir()
        for name in left:
            (tmp_path / "there" / name).write_text("")
        for place in ("there", "there/new/weights"):
            with pytest.raises(PluginError):
                train("taught", [Recordings()], tmp_path / place, config={"fault": "raises"}, registry=registry)
        assert [path.name for path in tmp_path.rglob("*")] == ["there", *left]

    def test_faults_are_named_as_the_plugins_own(self, teach: Train) -> None:
        with pytest.raises(PluginError, match="method 'taught' failed with ZeroDivisionError: no energy"):
            teach(config={"fault": "raises"})
        with pytest.raises(PluginError, match="prior 'on-waveforms' failed with ZeroDivisionError"):
            teach("on-waveforms", config={"fault": "raises"})

    @pytest.mark.parametrize("import_string", ["sepkit_fakes:Absent", "sepkit_absent:Trainer"])
    def test_that_cannot_be_imported_are_named(self, teach: Train, registry: Registry, import_string: str) -> None:
        registry.add(fakes.spec("unteachable", "Taught", trainer=import_string))
        with pytest.raises(PluginError, match=f"method 'unteachable' cannot load {import_string}"):
            teach("unteachable")

    def test_have_common_options_unless_they_say_otherwise(self) -> None:
        assert fakes.spec("plain", "Taught", trainer="sepkit_fakes:Teaching").load_training() is TrainingConfig

    @pytest.mark.parametrize("field", ["trainer", "training"])
    def test_are_named_by_import_strings(self, field: str) -> None:
        options = {"trainer": "sepkit_fakes:Teaching", field: "sepkit_fakes.Teaching"}
        with pytest.raises(PluginError, match=f"{field} needs to be 'package.module:Class'"):
            fakes.spec("bad", "Taught", **options)

    def test_what_cannot_be_trained_is_told_with_what_can_be(self, teach: Train) -> None:
        with pytest.raises(
            UnknownNameError, match=r"method 'shares' cannot be trained; .*: on-waveforms, taught, taught-"
        ):
            teach("shares")
        with pytest.raises(UnknownNameError, match="did you mean taught"):
            teach("taugt")
        with pytest.raises(UnknownNameError, match="nothing installed"):
            Registry().trainable("sparsity")

    def test_keep_their_options_and_do_nothing_else(self) -> None:
        config = TrainingConfig()
        with pytest.raises(TypeError, match="abstract"):
            Trainer(config)  # type: ignore[abstract]


def test_it_is_a_public_function_however_it_was_imported() -> None:
    import sepkit.training.learn as module

    assert sepkit.train is sepkit.training.train is module.train is train
