"""What a separation learned separates other recordings, and nothing damaged does."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sepkit import Method, Run, Separation, separate
from sepkit.errors import MismatchError, WeightsError
from sepkit.evaluation import evaluate
from sepkit.neural import Checkpoint
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.learning import named
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.prediction import predict
from sepkit_policy_unet.sizes import sized

# Folders with a hyphen have no name in import statements.
duos = import_module("plugins.policy-unet.tests.duos")
FULL, ODD, duo, mixed = duos.FULL, duos.ODD, duos.duo, duos.mixed


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
