"""The separator on recordings made for the purpose, and on those in which there is nothing for it to find."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sepkit import Audio, Method, Run, Separation, separate, train
from sepkit.errors import Cancelled, ConfigError, DatasetError, MismatchError, WeightsError
from sepkit.evaluation import evaluate
from sepkit.neural import Checkpoint
from sepkit.problem.domain import Domain
from sepkit.problem.run import Progress
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.imitation import Teacher
from sepkit_policy_unet.learning import named
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.prediction import predict
from sepkit_policy_unet.sizes import sized
from sepkit_policy_unet.training import Course, Training

RATE = 8_000
FASTEST = {"dictionary": "plain", "steps": 2, "iterations": 2, "prune_every": 2, "settle": 1, "harmonics": 8}
HYBRID = {
    **{"steps": 20, "imitation": 150, "iterations": 30, "prune_every": 15, "settle": 8},
    **{"window_s": 0.2, "hop_s": 0.04, "batch": 4, "harmonics": 8},
}
FULL = np.array([0.7, 1, 0.8, 0.6, 0.65, 0.4, 0.35, 0.3])
ODD = np.array([1, 0.08, 0.12, 0.03, 0.1, 0.0, 0.05, 0.0])


def part(harmonics: np.ndarray, pitches: list[int], rate: int, note_s: float = 0.4) -> np.ndarray:
    """Notes one after the other, with soft ends."""
    time = np.arange(int(note_s * rate)) / rate
    envelope = np.minimum(1, np.minimum(time, note_s - time) / 0.03)
    h = np.arange(1, len(harmonics) + 1)
    notes = []
    for index, pitch in enumerate(pitches):
        hz = 440 * 2 ** ((pitch - 69) / 12)
        phase = 2 * np.pi * hz * (time + 2e-4 * np.sin(2 * np.pi * 5.5 * time + index))
        notes.append(envelope * ((harmonics * (h * hz < rate / 2.2)) @ np.sin(np.outer(h, phase) + h[:, None] ** 2)))
    return np.concatenate(notes)


def duo(rate: int = RATE, notes: int = 6, seed: int = 0) -> dict[str, Audio]:
    """The stems, equally loud."""
    rng = np.random.default_rng(seed)
    parts = {
        "full": part(FULL, list(rng.choice([62, 64, 65, 67, 69, 71], notes)), rate),
        "odd": part(ODD, list(rng.choice([74, 76, 77, 79, 81, 83], notes)), rate),
    }
    return {name: Audio((0.1 * x / x.std()).astype(np.float32)[np.newaxis], rate) for name, x in parts.items()}


def mixed(*stems: Audio) -> Audio:
    return Audio(np.sum([stem.samples for stem in stems], axis=0), stems[0].sample_rate)


def si_sdr(separation: Separation, stems: dict[str, Audio]) -> list[float]:
    return list(evaluate(separation, stems, metrics=["si-sdr"], permute=True).values["SI-SDR"].values())


@pytest.fixture(scope="module")
def separated() -> Separation:
    mixture = mixed(*duo().values())
    return separate(mixture, "policy-unet", sources=["a", "b"], config=HYBRID, seed=1, keep_variables=True)


@pytest.fixture(scope="module")
def weights(separated: Separation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result")
    separated.write(folder)
    return folder


@pytest.fixture(scope="module")
def fastest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of next to no training."""
    folder = tmp_path_factory.mktemp("fastest")
    separate(mixed(*duo(notes=1).values()), "policy-unet", config=FASTEST).write(folder)
    return folder


class TestBlind:
    def test_two_instruments_are_told_apart_by_nothing_but_their_tones(self, separated: Separation) -> None:
        assert min(si_sdr(separated, duo())) > 5

    def test_how_training_went_is_in_the_record(self, separated: Separation) -> None:
        traces = separated.provenance.traces
        assert len(traces["loss"]) == HYBRID["imitation"] + HYBRID["steps"]
        assert np.isfinite(traces["log-likelihood by start"]).tolist() == [True]
        assert np.mean(traces["loss"][-20:]) < 0.9 * np.mean(traces["loss"][:5])
        assert len(traces["harmonics of a"]) == HYBRID["harmonics"]

    def test_what_was_found_is_a_factorisation_with_one_tone_of_each_at_a_time(self, separated: Separation) -> None:
        variables = separated.variables
        assert variables is not None
        activations = variables.values[Domain.ACTIVATIONS]
        assert variables.values[Domain.TEMPLATES].min() >= 0
        for source in ("a", "b"):
            rows = [atom.source == source for atom in variables.layout.atoms or ()]
            assert ((activations[rows] > 0).sum(axis=0) <= 1).all()
            assert activations[rows].max() > 0
        separated.plot_factors()
        assert sorted(separated.score.parts) == ["a", "b"]

    def test_of_several_starts_each_is_judged_as_it_would_be_alone(self) -> None:
        mixture = mixed(*duo(notes=1).values())
        options = {**FASTEST, "starts": 3, "steps": 6}
        three = separate(mixture, "policy-unet", config=options)
        by_start = three.provenance.traces["log-likelihood by start"]
        assert len(set(by_start)) == 3
        # The first start is what it would be alone.
        alone = separate(mixture, "policy-unet", config={**options, "starts": 1})
        assert alone.provenance.traces["log-likelihood by start"][0] == pytest.approx(by_start[0], rel=1e-3)

    def test_direct_spectra_leave_all_else_to_the_residual(self, weights: Path) -> None:
        """Percussion is nothing that tones explain."""
        stems = duo(notes=3)
        length = stems["full"].length
        strokes = np.zeros(length)
        rng = np.random.default_rng(2)
        for onset in range(1000, length - 1000, 3200):
            strokes[onset : onset + 1000] = rng.normal(0, 0.3, 1000) * np.exp(-np.arange(1000) / 150)
        mixture = mixed(*stems.values(), Audio(strokes.astype(np.float32)[np.newaxis], RATE))
        separation = separate(mixture, "policy-unet", weights=weights, config={"resynthesis": "direct"})
        drawn = np.sum([stem.samples[0] for stem in separation.values()], axis=0)

        def correlation(x: np.ndarray) -> float:
            return float(x @ strokes / np.linalg.norm(x) / np.linalg.norm(strokes))

        assert correlation(separation.residual.samples[0]) > 0.3
        assert correlation(separation.residual.samples[0]) > 2 * abs(correlation(drawn))


class TestOddRecordings:
    def test_silence_is_said_to_be_silent(self) -> None:
        separation = separate(Audio(np.zeros((1, RATE), np.float32), RATE), "policy-unet", config=FASTEST)
        assert list(separation) == ["instrument1", "instrument2"]
        assert not any(stem.samples.any() for stem in separation.values())
        assert any("silent" in remark for remark in separation.provenance.remarks)

    @pytest.mark.parametrize(("rate", "channels", "seconds"), [(8_000, 1, 1.0), (96_000, 2, 1.0), (22_050, 1, 0.03)])
    def test_any_rate_channels_and_length_will_do(self, rate: int, channels: int, seconds: float) -> None:
        time = np.arange(int(rate * seconds)) / rate
        tone = np.sum([0.1 / h * np.sin(2 * np.pi * 330 * h * time) for h in range(1, 6)], axis=0).astype(np.float32)
        separation = separate(Audio(np.tile(tone, (channels, 1)), rate), "policy-unet", config=FASTEST)
        for stem in separation.values():
            assert stem.samples.shape == (channels, len(tone))
            assert np.isfinite(stem.samples).all()
        told = [remark for remark in separation.provenance.remarks if "above 4000 Hz the stems share" in remark]
        assert len(told) == (rate > RATE)

    @pytest.mark.slow
    def test_of_two_instruments_where_one_plays_both_sum_to_it(self) -> None:
        stem = duo(notes=3)["full"]
        separation = separate(stem, "policy-unet", config=HYBRID | {"steps": 2, "imitation": 100})
        assert np.linalg.norm(separation.residual.samples) < 0.3 * np.linalg.norm(stem.samples)

    def test_the_number_of_instruments_is_that_of_the_sources(self) -> None:
        mixture = mixed(*duo(notes=1).values())
        assert list(separate(mixture, "policy-unet", sources=["x", "y", "z"], config=FASTEST)) == ["x", "y", "z"]
        assert list(separate(mixture, "policy-unet", config={**FASTEST, "instruments": 1})) == ["instrument1"]

    def test_a_pursuit_that_hears_nothing_leaves_a_plain_start(self) -> None:
        """All of this recording lies below what the pursuit looks at."""
        time = np.arange(RATE) / RATE
        low = Audio((np.hanning(RATE) * np.sin(2 * np.pi * 60 * time)).astype(np.float32)[np.newaxis], RATE)
        separation = separate(low, "policy-unet", config={**HYBRID, "steps": 2, "low_hz": 1000.0})
        assert len(separation.provenance.traces["loss"]) == 2


class TestWeights:
    def test_a_result_separates_another_recording_of_the_same_instruments(
        self, separated: Separation, weights: Path
    ) -> None:
        """In one pass, under the names that they had there."""
        stems = duo(seed=5)
        stages = set()
        other = separate(
            mixed(*stems.values()), "policy-unet", weights=weights, reporter=lambda report: stages.add(report.stage)
        )
        assert list(other) == ["a", "b"]
        assert stages == {"separate"}
        assert "loss" not in other.provenance.traces
        assignment = evaluate(separated, duo(), metrics=["si-sdr"], permute=True).assignment
        named = {true: other[name] for true, name in assignment.items()}
        assert np.mean(list(evaluate(named, stems, metrics=["si-sdr"]).values["SI-SDR"].values())) > 2

    def test_they_give_the_same_recording_the_same_stems(self, separated: Separation, weights: Path) -> None:
        again = separate(separated.mixture, "policy-unet", weights=weights, sources=["b", "a"])
        assert list(again) == ["b", "a"]
        for name in ("a", "b"):
            np.testing.assert_array_equal(again[name].samples, separated[name].samples)

    def test_the_record_lists_them_and_the_next_result_replaces_them(self, weights: Path) -> None:
        record = json.loads((weights / "separation.json").read_text())
        assert {"model.json", "model.safetensors"} <= set(record["digests"])

    def test_their_number_is_known_and_other_names_are_refused(self, fastest: Path) -> None:
        method = Method("policy-unet", weights=fastest)
        method.separate(mixed(*duo(notes=1).values()))
        assert method.parameters == 161_256 + 18 + 2 * 8
        with pytest.raises(MismatchError, match="its weights know instrument1, instrument2 and not flute"):
            method.separate(mixed(*duo(notes=1).values()), sources=["flute"])

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda c: {"method": "nae"}, "weights of 'nae', wanted are those of 'policy-unet'"),
            (lambda c: {"config": {"size": "huge", "harmonics": 8}}, "options that cannot be: size"),
            (lambda c: {"config": {"size": "small", "harmonics": 9}}, "do not fit the model"),
            (lambda c: {"sources": ("a", "b", "c")}, "do not fit the model"),
            (lambda c: {"sample_rate": 16_000}, "are for 16000 Hz, and those of size small for 8000 Hz"),
            (lambda c: {"tensors": {**c.tensors, "dictionary": -c.tensors["dictionary"] - 1}}, "harmonics below zero"),
            (lambda c: {"tensors": {**c.tensors, "dictionary": c.tensors["dictionary"] * torch.nan}}, "no finite"),
            (lambda c: {"tensors": {**c.tensors, "order": torch.tensor([1, 1])}}, "no instrument to every source"),
            (lambda c: {"tensors": {**c.tensors, "extra": torch.zeros(1)}}, "too many"),
            (
                lambda c: {"tensors": {n: 1e30 * t if t.is_floating_point() else t for n, t in c.tensors.items()}},
                "no samples of sound|no usable",
            ),
        ],
    )
    def test_damaged_ones_are_refused_in_one_line(self, fastest: Path, tmp_path: Path, change: Any, said: str) -> None:
        checkpoint = Checkpoint.read(fastest, "policy-unet")
        fields = {name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}
        Checkpoint(**{**fields, **change(checkpoint)}).write(tmp_path)
        with pytest.raises(WeightsError, match=said) as caught:
            separate(mixed(*duo(notes=1).values()), "policy-unet", weights=tmp_path)
        assert "\n" not in str(caught.value)

    def test_truncated_ones_and_empty_folders_are_refused(self, fastest: Path, tmp_path: Path) -> None:
        mixture = mixed(*duo(notes=1).values())
        with pytest.raises(WeightsError, match="holds no weights"):
            separate(mixture, "policy-unet", weights=tmp_path)
        for name in ("model.json", "model.safetensors"):
            (tmp_path / name).write_bytes((fastest / name).read_bytes())
        with (tmp_path / "model.safetensors").open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(WeightsError, match="truncated"):
            separate(mixture, "policy-unet", weights=tmp_path)


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


def test_how_long_one_pass_will_take_is_told_before_it_starts(fastest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepkit_sparse_pursuit.duration.WORTH_TELLING_S", 0)
    stages = set()
    mixture = mixed(*duo(notes=1).values())
    separate(mixture, "policy-unet", weights=fastest, reporter=lambda progress: stages.add(progress.stage))
    (stage,) = stages
    assert re.fullmatch(r"separate, about \d+ min", stage)


def test_known_examples_name_the_instruments() -> None:
    size = sized("small", 8)
    model = Model(size, 2)
    model.network.draw([torch.Generator().manual_seed(0)])
    model.take(np.stack([FULL, ODD]))
    found = predict(model, Frames.of(size, mixed(*duo(notes=1).values()).samples[0], Run()), "mask", Run())
    known = {"violin": np.concatenate([FULL, [0.1] * 17]), "clarinet": np.concatenate([ODD, [0.0] * 17])}
    for names in (("clarinet", "violin"), ("violin", "clarinet")):
        assert named(model, found, names, known).instruments == {"violin": 0, "clarinet": 1}
