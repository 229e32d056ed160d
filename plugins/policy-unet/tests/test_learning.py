"""Learning, step by step: told of beforehand, stopped and gone on with, in parts or as a whole."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sepkit import Audio, Run, separate, train
from sepkit.errors import Cancelled, ConfigError, DatasetError
from sepkit.problem.run import Progress
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.imitation import Teacher
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.sizes import sized
from sepkit_policy_unet.training import Course, Training

# Folders with a hyphen have no name in import statements.
duos = import_module("plugins.policy-unet.tests.duos")
FASTEST, RATE, duo, mixed = duos.FASTEST, duos.RATE, duos.duo, duos.mixed


class TestTraining:
    @staticmethod
    def recording(folder: Path, notes: int = 2) -> str:
        folder.mkdir()
        mixed(*duo(notes=notes).values()).write(folder / "encore.wav")
        return f"recordings:path={folder}"

    def trained(self, data: str, output: Path, **given: Any) -> bytes:
        options = {**FASTEST, "steps": 8, "save_every": 1}
        train("policy-unet", [data], output, config=options, seed=3, **given)
        return (output / "model.safetensors").read_bytes()

    def test_one_that_was_stopped_comes_to_the_same_weights(self, tmp_path: Path) -> None:
        data = self.recording(tmp_path / "data")
        whole = self.trained(data, tmp_path / "whole")
        cancel = threading.Event()

        def stop(progress: Progress) -> None:
            if progress.stage == "train" and progress.done == 3:
                cancel.set()

        with pytest.raises(Cancelled):
            self.trained(data, tmp_path / "stopped", reporter=stop, cancel=cancel)
        assert (tmp_path / "stopped" / "training.safetensors").is_file()
        left = []
        resumed = self.trained(data, tmp_path / "stopped", reporter=lambda p: left.append((p.stage, p.total)))
        assert ("train", 5) in left or ("train", 4) in left
        assert resumed == whole
        assert not (tmp_path / "stopped" / "training.safetensors").exists()

    def test_a_state_of_another_recording_is_refused(self, tmp_path: Path) -> None:
        data = self.recording(tmp_path / "data")
        cancel = threading.Event()
        with pytest.raises(Cancelled):
            self.trained(
                data,
                tmp_path / "out",
                reporter=lambda p: cancel.set() if p.stage == "train" and p.done == 2 else None,
                cancel=cancel,
            )
        with pytest.raises(ConfigError, match="training with other options, seed or data"):
            self.trained(self.recording(tmp_path / "other", notes=3), tmp_path / "out")

    def test_there_has_to_be_something_to_hear(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="no recordings in"):
            self.trained(f"recordings:path={tmp_path}", tmp_path / "out")
        Audio(np.zeros((1, RATE), np.float32), RATE).write(tmp_path / "silence.wav")
        with pytest.raises(DatasetError, match="the mixtures are silent"):
            self.trained(f"recordings:path={tmp_path}", tmp_path / "out")

    def test_the_weights_separate(self, tmp_path: Path) -> None:
        self.trained(self.recording(tmp_path / "data"), tmp_path / "out")
        separation = separate(mixed(*duo(notes=1).values()), "policy-unet", weights=tmp_path / "out")
        assert list(separation) == ["instrument1", "instrument2"]


def test_progress_shows_the_loss_and_cancel_ends_it() -> None:
    seen: list[Progress] = []
    cancel = threading.Event()

    def reporter(progress: Progress) -> None:
        seen.append(progress)
        if progress.stage.startswith("train") and progress.done == 2:
            cancel.set()

    with pytest.raises(Cancelled):
        separate(
            mixed(*duo(notes=1).values()),
            "policy-unet",
            config={**FASTEST, "steps": 50},
            reporter=reporter,
            cancel=cancel,
        )
    assert seen[-1].figures["loss"] > 0
    assert seen[-1].done == 2


def test_how_long_training_will_take_is_told_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    mixture, stages = mixed(*duo(notes=1).values()), dict[str, None]()
    monkeypatch.setattr("sepkit_sparse_pursuit.duration.WORTH_TELLING_S", 0)
    monkeypatch.setattr("sepkit_policy_unet.learning._MANY_STEPS", 1)
    told = separate(
        mixture, "policy-unet", config=FASTEST, reporter=lambda progress: stages.update({progress.stage: None})
    )
    assert any(re.fullmatch(r"train, about \d+ min with what follows", stage) for stage in stages)
    monkeypatch.undo()
    untold = separate(mixture, "policy-unet", config=FASTEST)
    for name, stem in told.items():
        np.testing.assert_array_equal(stem.samples, untold[name].samples)


@pytest.mark.parametrize("imitation", [0, 1])
def test_the_size_of_the_paper_takes_its_steps(imitation: int) -> None:
    """Two frames at a time, so that it is quick: shapes and numbers are those of a graphics card."""
    size = replace(sized("paper", 25), batch=2)
    frames = Frames.of(size, mixed(*duo(rate=44_100, notes=1).values()).samples[0], Run())
    model = Model(size, 2)
    model.network.draw([torch.Generator().manual_seed(0)])
    teacher = Teacher(np.tile([100, 100 + size.bins], (4, 1)), np.ones((4, 2), bool), 0.1, 0.0)
    training = Training(model, Course(frames, 0, imitation, 1, teacher))
    assert np.isfinite(training.step()).all()
    assert all(bool(torch.isfinite(weights).all()) for weights in model.parameters())


def in_training(batch: int, at_once: int, imitation: int) -> Training:
    """The same networks and frames each time."""
    size = replace(sized("small", 8), batch=batch, at_once=at_once)
    model = Model(size, 2)
    model.network.draw([torch.Generator().manual_seed(0)])
    teacher = Teacher(np.tile([20, 40 + size.bins], (4, 1)), np.ones((4, 2), bool), 0.1, 0.0)
    frames = Frames.of(size, mixed(*duo(notes=1).values()).samples[0], Run())
    return Training(model, Course(frames, 0, imitation, 1, teacher))


def test_a_step_in_parts_is_the_step_as_a_whole() -> None:
    """Of imitation, in which nothing is drawn."""
    whole, parts = (in_training(batch=6, at_once=at_once, imitation=1) for at_once in (6, 4))
    assert parts.step() == pytest.approx(whole.step(), rel=1e-4)
    for one, other in zip(parts.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("imitation", [0, 1])
def test_a_step_that_is_cancelled_between_its_parts_was_never_taken(imitation: int) -> None:
    training, untouched = (in_training(batch=4, at_once=2, imitation=imitation) for _ in range(2))
    event, called = threading.Event(), 0
    run = Run(cancel=event)

    def pause() -> None:
        nonlocal called
        called += 1
        if called == 2:
            event.set()
        run.check_cancelled()

    with pytest.raises(Cancelled):
        training.step(pause)
    assert training.curves.step == 0
    assert training.step() == untouched.step()
    for one, other in zip(training.model.parameters(), untouched.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
