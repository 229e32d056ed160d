"""Training: what it learns, how it goes on, and what it says when it cannot."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sepkit
from sepkit import Audio, Progress, Run
from sepkit.config import validate
from sepkit.errors import Cancelled, ConfigError, DatasetError, WeightsError
from sepkit.evaluation import Track
from sepkit.evaluation.datasets.toy import ToyWaveforms
from sepkit.neural import Checkpoint, read_by_source
from sepkit.training import TrainingData
from sepkit_flow_sgld.bundled import bundled_weights
from sepkit_flow_sgld.flow import Flow
from sepkit_flow_sgld.mdct import MDCT
from sepkit_flow_sgld.prior import METHOD, loaded_flow
from sepkit_flow_sgld.segments import Segments
from sepkit_flow_sgld.training import FlowTrainer
from sepkit_flow_sgld.training_config import FlowTrainingConfig

TINY: dict[str, Any] = {
    "steps": 6,
    "batch": 2,
    "segment": 128,
    "warmup": 0,
    "validate_every": 3,
    "save_every": 1,
    "frames": (8,),
    "widths": (6,),
    "flow_steps": (2,),
    "dilations": (1, 2),
    "embedding": 4,
}
SPECTRAL: dict[str, Any] = {"kind": "spectral", "bins": 16}


class StopAfter:
    """A host that cancels at a step of a stage."""

    def __init__(self, stage: str, step: int) -> None:
        self.stage, self.step, self.stopped = stage, step, False

    def __call__(self, progress: Progress) -> None:
        self.stopped |= progress.stage == self.stage and progress.done == self.step

    def is_set(self) -> bool:
        return self.stopped


def toy(*sources: str, valid: int = 2) -> TrainingData:
    tracks = tuple(ToyWaveforms(count=6, duration_s=0.05).tracks())
    return TrainingData(tracks[valid:], tracks[:valid], sources)


def train(folder: Path, data: TrainingData, stop: StopAfter | None = None, seed: int = 0, **options: Any) -> Run:
    run = Run(seed=seed, device="cpu", reporter=stop, cancel=stop)
    with run:
        FlowTrainer(FlowTrainingConfig(**{**TINY, **options})).train(data, folder, run)
    return run


def noise_track(name: str, samples: np.ndarray[Any, Any], rate: int = 8000) -> Track:
    return Track(name=name, stems={"noise": partial(Audio, samples.astype(np.float32), rate)})


@pytest.mark.parametrize("options", [{}, SPECTRAL], ids=["waveform", "spectral"])
@pytest.mark.parametrize(("stage", "step"), [("train sine", 4), ("train saw", 2)])
def test_stopped_training_goes_on_to_the_same_weights(
    tmp_path: Path, stage: str, step: int, options: dict[str, Any]
) -> None:
    data = toy("sine", "saw")
    for folder in ("whole", "halved"):
        (tmp_path / folder).mkdir()
    train(tmp_path / "whole", data, **options)
    with pytest.raises(Cancelled):
        train(tmp_path / "halved", data, StopAfter(stage, step), **options)
    run = train(tmp_path / "halved", data, **options)
    assert bool(run.remarks) == (stage == "train saw"), "the source that was done stays as it is"
    assert sorted(place.name for place in (tmp_path / "halved").iterdir()) == ["saw", "sine"], "no state is left"
    for source in ("sine", "saw"):
        for file in ("model.safetensors", "model.json"):
            assert (tmp_path / "whole" / source / file).read_bytes() == (
                tmp_path / "halved" / source / file
            ).read_bytes()


def test_checkpoint_knows_what_it_learned_from(tmp_path: Path) -> None:
    data = toy("square")
    train(tmp_path, data)
    checkpoint = Checkpoint.read(tmp_path / "square", "flow")
    stems = np.concatenate([track.load_stems()["square"].samples[0] for track in data.train])
    assert checkpoint.about["power"] == pytest.approx(np.mean(stems**2), rel=1e-6)
    assert checkpoint.config["data_std"] == pytest.approx(np.sqrt(np.mean(stems**2)), rel=1e-6)
    assert checkpoint.sources == ("square",)
    assert checkpoint.sample_rate == 14700
    assert len(checkpoint.about["validations_bits"]) == 2
    assert checkpoint.about["recipe"]["options"]["segment"] == 128


def test_another_seed_trains_anew_and_to_other_weights(tmp_path: Path) -> None:
    train(tmp_path, toy("sine"))
    first = Checkpoint.read(tmp_path / "sine", "flow").tensors
    assert train(tmp_path, toy("sine"), seed=1).remarks == []
    second = Checkpoint.read(tmp_path / "sine", "flow").tensors
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_without_tracks_to_validate_on_it_trains_to_the_end(tmp_path: Path) -> None:
    train(tmp_path, toy("sine", valid=0))
    about = Checkpoint.read(tmp_path / "sine", "flow").about
    assert (about["steps"], about["validations_bits"], about["bits_by_level"]) == (6, [], {})


def test_silence_is_nothing_to_validate_on(tmp_path: Path) -> None:
    sound = noise_track("sound", np.random.default_rng(0).standard_normal((1, 500)))
    train(tmp_path, TrainingData((sound,), (noise_track("silent", np.zeros((1, 500))),), ("noise",)))
    assert Checkpoint.read(tmp_path / "noise", "flow").about["validations_bits"] == []


def test_start_from_other_weights(tmp_path: Path) -> None:
    train(tmp_path, toy("sine"))
    train(tmp_path, toy("saw"), steps=1, learning_rate=1e-9, ema=0, start=tmp_path / "sine")
    before, after = (Checkpoint.read(tmp_path / source, "flow").tensors for source in ("sine", "saw"))
    for name in before:
        torch.testing.assert_close(before[name], after[name])
    with pytest.raises(WeightsError, match="do not fit"):
        train(tmp_path, toy("square"), widths=(7,), start=tmp_path / "sine")


def test_spectral_flows_have_the_spectrum_of_their_own_source_wherever_they_start_from(tmp_path: Path) -> None:
    train(tmp_path, toy("sine"), **SPECTRAL)
    train(tmp_path, toy("square"), **SPECTRAL, start=tmp_path / "sine")
    for source in ("sine", "square"):
        stems = [track.load_stems()[source].samples[0] for track in toy(source).train]
        powers = torch.cat([MDCT(16)(torch.tensor(stem[None]))[0][0].square() for stem in stems]).mean(0)
        checkpoint = Checkpoint.read(tmp_path / source, "flow")
        np.testing.assert_allclose(checkpoint.tensors["log_power"].float().exp(), powers, rtol=0.02)
        assert checkpoint.config["kind"] == "spectral"


def test_spectral_flows_separate_what_they_were_trained_for(tmp_path: Path) -> None:
    """End to end; a Wiener filter has a quarter of their power as its error, equal shares have half."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 2, 4001)).astype(np.float32)
    sounds = {"low": noise[0, :, 1:] + noise[0, :, :-1], "high": noise[1, :, 1:] - noise[1, :, :-1]}
    tracks = tuple(Track(name=name, stems={name: partial(Audio, sound[:1], 8000)}) for name, sound in sounds.items())
    train(tmp_path, TrainingData(tracks, (), ("low", "high")), **SPECTRAL)
    mixture = Audio(sounds["low"][1:] + sounds["high"][1:], 8000)
    options = {"start": "wiener", "chains": 2, "levels": 2, "steps": 4, "select": "mean"}
    found = sepkit.separate(mixture, "flow-sgld", sources=tuple(sounds), weights=tmp_path, config=options)
    np.testing.assert_allclose(found["low"].samples + found["high"].samples, mixture.samples, atol=1e-5)
    for name, sound in sounds.items():
        assert np.sum((found[name].samples - sound[1:]) ** 2) < 0.3 * np.sum(sound[1:] ** 2), name


def test_flows_that_say_no_kind_are_waveform_flows_such_as_those_that_come_along() -> None:
    for checkpoint in read_by_source(bundled_weights(), METHOD).values():
        assert "kind" not in checkpoint.config
        assert isinstance(loaded_flow(checkpoint), Flow)
    with pytest.raises(WeightsError, match="another kind of flow than waveform and spectral; update"):
        loaded_flow(replace(checkpoint, config={"kind": "circular"}))


@pytest.mark.slow
def test_it_learns_the_density_of_white_noise(tmp_path: Path) -> None:
    """The best possible loss is known: half the logarithm of 2 pi e (1 + power / sigma²), in bits."""
    rng = np.random.default_rng(0)
    tracks = [noise_track(f"{index}", 0.1 * rng.standard_normal((1, 4000))) for index in range(4)]
    data = TrainingData(tuple(tracks[1:]), tuple(tracks[:1]), ("noise",))
    train(tmp_path, data, steps=150, batch=16, segment=256, gain_db=0, validate_every=50, learning_rate=1e-2, ema=0.9)
    bits = Checkpoint.read(tmp_path / "noise", "flow").about["bits_by_level"]
    for level in (0.15, 0.5, 1.0, 2.0):
        assert bits[str(level)] == pytest.approx(np.log2(2 * np.pi * np.e * (1 + level**-2)) / 2, abs=0.04)


def test_segments_are_never_silent_while_there_is_sound() -> None:
    samples = np.zeros((1, 8000))
    samples[0, 6000:] = 0.1
    segments = Segments.of([noise_track("late", samples)], "noise", None, 60, np.random.default_rng(0))
    assert segments.draw(40, 500, np.random.default_rng(1)).any(1).all()


def test_memory_is_shared_by_the_tracks() -> None:
    tracks = [noise_track(f"{index}", np.full((2, 8000), 0.1 + index)) for index in range(4)]
    segments = Segments.of(tracks, "noise", 4000, 1.0, np.random.default_rng(0))
    assert [len(stem) for stem in segments.stems] == [1000] * 8, "every channel by itself"
    assert len({round(float(stem.mean())) for stem in segments.stems}) == 4


def test_tracks_shorter_than_a_segment_are_padded() -> None:
    segments = Segments.of([noise_track("short", np.ones((1, 10)))], "noise", None, 60, np.random.default_rng(0))
    np.testing.assert_array_equal(segments.draw(1, 16, np.random.default_rng(0)), [[1] * 10 + [0] * 6])


def test_error_when_all_is_silent(tmp_path: Path) -> None:
    data = TrainingData((noise_track("silent", np.zeros((1, 100))),), (), ("noise",))
    with pytest.raises(DatasetError, match="sound in its stem 'noise'"):
        train(tmp_path, data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": (8, 12), "widths": (6, 6), "flow_steps": (1, 1)}, "each a multiple of the one before"),
        ({"frames": (8, 16)}, "one number for every scale"),
        ({"frames": (256,)}, "at least one frame of 256"),
        ({**SPECTRAL, "widths": (6, 6), "flow_steps": (2, 2)}, "spectral flows have one scale"),
        ({**SPECTRAL, "bins": 256}, "at least one frame of 256"),
        ({**SPECTRAL, "bins": 15}, "bins: input should be a multiple of 2"),
        ({"lowest": 6.0}, "lowest needs to be below highest"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validate(FlowTrainingConfig, {**TINY, **options}, "training of prior 'flow'")
