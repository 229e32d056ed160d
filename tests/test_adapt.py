"""Adaptation of weights to a recording: what reaches the trainer, what is refused, and the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sepkit_fakes as fakes

import sepkit
from sepkit import Audio, Progress, Registry
from sepkit.errors import ConfigError, MismatchError, SideInformationError, UnknownNameError, WeightsError
from sepkit.training import TrainingConfig, TrainingResult
from tests.commandline import call

SOLOS = {"first": [(0.0, 3.0)], "second": [(3.0, 6.0)]}
LEVELS = '{"levels": {"first": 0.5, "second": 0.5}, "sample_rate": 8000}'


@pytest.fixture
def mixture() -> Audio:
    return Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (1, 8 * 8000)).astype(np.float32), 8000)


@pytest.fixture
def weights(tmp_path: Path, registry: Registry) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "levels.json").write_text(LEVELS)
    registry.add(fakes.spec("tuned", "Tuned", needs=("weights",), trainer="sepkit_fakes:Tuning"))
    return folder


@pytest.fixture
def adapt(registry: Registry, mixture: Audio, weights: Path, tmp_path: Path) -> Callable[..., TrainingResult]:
    def adapt(method: str = "tuned", output: Path | None = None, **options: Any) -> TrainingResult:
        options = {"weights": weights, "solos": SOLOS, **options}
        return sepkit.adapt(method, mixture, output or tmp_path / "adapted", registry=registry, **options)

    return adapt


def told(adapted: TrainingResult) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((adapted.folder / "levels.json").read_text())
    return record


Adapt = Callable[..., TrainingResult]


class TestWhatTheTrainerGets:
    def test_weights_and_mixtures_of_the_solos(self, adapt: Adapt, weights: Path) -> None:
        adapted = adapt()
        assert told(adapted)["from"] == str(weights)
        assert told(adapted)["tracks"] == [track.name for track in (*adapted.data.train, *adapted.data.valid)]
        assert adapted.data.sources == ("first", "second")
        assert adapted.data.valid

    def test_a_tenth_of_the_rate_and_few_steps_unless_told_otherwise(self, adapt: Adapt) -> None:
        config, usual = told(adapt())["config"], TrainingConfig()
        assert config["learning_rate"] == pytest.approx(usual.learning_rate / 10)
        assert (config["steps"], config["patience"]) == (300, 8)
        config = told(adapt(config={"learning_rate": 0.5, "steps": 7}))["config"]
        assert (config["learning_rate"], config["steps"], config["patience"]) == (0.5, 7, 8)
        given = told(adapt(config=TrainingConfig(steps=9)))["config"]
        assert (given["steps"], given["patience"]) == (9, usual.patience)

    def test_equal_seeds_give_equal_weights(self, adapt: Adapt) -> None:
        first, again, other = (told(adapt(seed=seed)) for seed in (1, 1, 2))
        assert first == again != other

    def test_recordings_of_sources_alone_brought_to_the_mixtures_rate(self, adapt: Adapt, mixture: Audio) -> None:
        stereo = Audio(np.random.default_rng(1).uniform(-1, 1, (2, 4 * 16_000)).astype(np.float32), 16_000)
        adapted = adapt(solos={"first": [(0, 3)]}, examples={"second": stereo})
        stems = adapted.data.train[0].load_stems()
        assert {stem.sample_rate for stem in stems.values()} == {mixture.sample_rate}
        assert {stem.samples.shape for stem in stems.values()} == {(1, stems["first"].length)}

    def test_progress(self, adapt: Adapt) -> None:
        events: list[Progress] = []
        adapt(reporter=events.append)
        assert events[-1] == Progress("tune", 40, 40)


class TestWithoutSolos:
    def test_weights_are_copied_and_that_is_said(self, adapt: Adapt, weights: Path) -> None:
        adapted = adapt(solos=None)
        assert adapted.remarks == ("no solos were given: the weights are copied as they are",)
        assert (adapted.folder / "levels.json").read_bytes() == (weights / "levels.json").read_bytes()
        assert adapted.data.sources == ("first", "second")

    def test_damaged_weights_are_no_less_refused(self, adapt: Adapt, weights: Path) -> None:
        (weights / "levels.json").write_text("{")
        with pytest.raises(WeightsError, match="holds no levels"):
            adapt(solos=None)

    def test_nothing_is_copied_onto_itself(self, adapt: Adapt, weights: Path) -> None:
        with pytest.raises(ConfigError, match="weights to start from"):
            adapt(solos=None, output=weights)


class TestRefused:
    def test_a_source_that_the_weights_do_not_know(self, adapt: Adapt) -> None:
        with pytest.raises(MismatchError, match="know first, second and not cello: name the solos like them"):
            adapt(solos={"first": [(0, 3)], "cello": [(3, 6)]})

    def test_the_folder_of_the_weights_at_the_start(self, adapt: Adapt, weights: Path) -> None:
        with pytest.raises(ConfigError, match="weights to start from; choose another"):
            adapt(output=weights)
        assert (weights / "levels.json").read_text() == LEVELS

    def test_no_weights(self, adapt: Adapt, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match="no weights of 'tuned' to adapt; give some with --weights"):
            adapt(weights=None)
        with pytest.raises(WeightsError, match="no such folder or file of weights"):
            adapt(weights=tmp_path / "nowhere")

    def test_weights_that_are_one_file(self, adapt: Adapt, weights: Path) -> None:
        with pytest.raises(WeightsError, match="is one file; trainings go on from a folder"):
            adapt(weights=weights / "levels.json")

    def test_a_training_that_starts_from_nothing_only(self, adapt: Adapt) -> None:
        with pytest.raises(ConfigError, match="method 'taught' cannot go on from weights"):
            adapt("taught")

    def test_what_is_no_method_that_can_be_trained(self, adapt: Adapt) -> None:
        with pytest.raises(UnknownNameError, match="prior 'on-waveforms' separates nothing"):
            adapt("on-waveforms")
        with pytest.raises(UnknownNameError, match="cannot be trained"):
            adapt("shares")

    def test_before_anything_is_written(self, adapt: Adapt, tmp_path: Path) -> None:
        for solos in ({"first": [(0, 9)]}, {"first": [(0, 3)]}, {"first": [(1, 1)]}):
            with pytest.raises(SideInformationError):
                adapt(solos=solos)
        assert not (tmp_path / "adapted").exists()


class TestTrainFromWeights:
    def test_is_the_general_form(self, registry: Registry, weights: Path, tmp_path: Path) -> None:
        toys = 'toy-waveforms:count=10,sources=["sine","saw"],duration_s=0.01'
        trained = sepkit.train("tuned", [toys], tmp_path / "new", weights=weights, registry=registry)
        assert told(trained)["from"] == str(weights)
        assert told(trained)["config"]["steps"] == TrainingConfig().steps
        assert told(trained)["config"]["learning_rate"] == pytest.approx(TrainingConfig().learning_rate / 10)
        with pytest.raises(ConfigError, match="cannot go on from weights"):
            sepkit.train("taught", [toys], tmp_path / "other", weights=weights, registry=registry)


class TestCommand:
    @pytest.fixture(autouse=True)
    def fakes_alone(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        for command in ("adapt", "train"):
            monkeypatch.setattr(f"sepkit.cli.{command}.discover", lambda ctx: registry)

    @pytest.fixture
    def command(self, mixture: Audio, weights: Path, tmp_path: Path) -> tuple[str, ...]:
        mixture.write(tmp_path / "mix.wav")
        return "adapt", "tuned", str(tmp_path / "mix.wav"), "-o", str(tmp_path / "new"), "--weights", str(weights)

    SOLO = ("--solo", "first=0:00-0:03", "--solo", "second=3-6.5")

    def test_it_prints_the_folder(self, command: tuple[str, ...], tmp_path: Path) -> None:
        shown = call(*command, *self.SOLO)
        assert (shown.code, shown.out, shown.err) == (0, f"{tmp_path / 'new'}\n", "")

    def test_examples_and_options_are_used(self, command: tuple[str, ...], mixture: Audio, tmp_path: Path) -> None:
        mixture.write(tmp_path / "alone.wav")
        one = ("--example", f"second={tmp_path / 'alone.wav'}", "--set", "steps=5", "--json")
        shown = call(*command, *self.SOLO[:2], *one)
        assert json.loads(shown.out) == {
            "weights": str(tmp_path / "new"),
            "sources": ["first", "second"],
            "remarks": [],
        }
        assert json.loads((tmp_path / "new" / "levels.json").read_text())["config"]["steps"] == 5

    def test_without_solos_it_says_so(self, command: tuple[str, ...]) -> None:
        shown = call(*command)
        assert shown.code == 0
        assert shown.complaints == ["sepkit: note: no solos were given: the weights are copied as they are"]

    def test_progress(self, command: tuple[str, ...]) -> None:
        shown = call(*command, *self.SOLO, "--progress", "json")
        assert json.loads(shown.complaints[-1])["done"] == 40

    @pytest.mark.parametrize(
        ("more", "complaint"),
        [
            (["--solo", "first=0-99"], "goes beyond the end of the recording, 0:08"),
            (["--solo", "first=3"], "--solo needs NAME=FROM-TO"),
            (["--solo", "cello=0-3"], "not cello"),
            (["--solo", "first=0-3", "--set", "speed=1"], "no option 'speed'"),
        ],
    )
    def test_mistakes_are_one_line(self, command: tuple[str, ...], more: list[str], complaint: str) -> None:
        shown = call(*command, *more)
        assert (shown.code, len(shown.complaints)) == (2, 1)
        assert complaint in shown.complaints[0]

    def test_train_takes_weights_to_start_from(self, weights: Path, tmp_path: Path) -> None:
        toys = 'toy-waveforms:count=10,sources=["sine","saw"],duration_s=0.01'
        assert call("train", "tuned", toys, "-o", tmp_path / "new", "--from", weights).code == 0
        assert json.loads((tmp_path / "new" / "levels.json").read_text())["from"] == str(weights)


def test_it_is_a_public_function_however_it_was_imported() -> None:
    import sepkit.training.adaptation as module

    assert sepkit.adapt is sepkit.training.adapt is module.adapt
