"""Checkpoints whose digest a stranger has computed anew: everything else in them is checked too."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from sepkit import Config
from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint, read_by_source

RECORD: dict[str, Any] = {
    "format": 1,
    "method": "gains",
    "config": {"width": 2},
    "sources": ["voice"],
    "sample_rate": 8000,
    "about": {},
}
TENSORS = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}


class Width(Config):
    width: int = 1


def forged(folder: Path, tensors: dict[str, torch.Tensor] | bytes = TENSORS, **changes: Any) -> Path:
    """A checkpoint with a right digest, whatever it holds."""
    folder.mkdir()
    data = tensors if isinstance(tensors, bytes) else safetensors.torch.save(tensors)
    record = {**RECORD, **changes}
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode() + data).hexdigest()
    (folder / "model.json").write_text(json.dumps({**record, "digest": digest}), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(data)
    return folder


def test_the_forgery_itself_is_read(tmp_path: Path) -> None:
    checkpoint = Checkpoint.read(forged(tmp_path / "a"), "gains")
    assert checkpoint.options(Width).width == 2
    before = torch.random.get_rng_state()
    assert float(checkpoint.built(lambda: nn.Linear(2, 1))(torch.ones(2))) == 2
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": []},
        {"sources": ["voice", "voice"]},
        {"sources": "voice"},
        {"sources": [1]},
        {"sources": [" "]},
        {"sample_rate": 0},
        {"sample_rate": 1e9},
        {"sample_rate": "8000"},
        {"config": [2]},
        {"about": None},
        {"more": 1},
        {"about": {"deep": json.loads("[" * 60 + "]" * 60)}},
    ],
    ids=str,
)
def test_a_record_that_cannot_be(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match=r"model\.json") as error:
        Checkpoint.read(forged(tmp_path / "a", **changes), "gains")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"weight": torch.full((1, 2), torch.nan)}, "no finite numbers"),
        ({"weight": torch.full((1, 2), torch.inf, dtype=torch.float16)}, "no finite numbers"),
        ({"weight": torch.ones(1, 2, dtype=torch.complex64)}, "complex numbers"),
        (b"", "truncated or damaged"),
        (b"\x08" + bytes(7) + b"not json", "truncated or damaged"),
    ],
)
def test_tensors_that_cannot_be(tmp_path: Path, tensors: Any, words: str) -> None:
    with pytest.raises(WeightsError, match=words) as error:
        Checkpoint.read(forged(tmp_path / "a", tensors), "gains")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"weight": torch.ones(1, 2)}, "there is no tensor 'bias'"),
        ({**TENSORS, "more": torch.ones(1)}, "a tensor 'more' too many"),
        ({**TENSORS, "weight": torch.ones(2, 2)}, r"shape \(2, 2\), wanted is \(1, 2\)"),
        ({**TENSORS, "bias": torch.zeros(1, dtype=torch.int64)}, "torch.int64, wanted is torch.float32"),
    ],
)
def test_tensors_that_do_not_fit_the_model(tmp_path: Path, tensors: dict[str, torch.Tensor], words: str) -> None:
    checkpoint = Checkpoint.read(forged(tmp_path / "a", tensors), "gains")
    with pytest.raises(WeightsError, match=words):
        checkpoint.built(lambda: nn.Linear(2, 1))


def test_options_that_the_model_has_not(tmp_path: Path) -> None:
    checkpoint = Checkpoint.read(forged(tmp_path / "a", config={"width": "wide"}), "gains")
    with pytest.raises(WeightsError, match="options that cannot be"):
        checkpoint.options(Width)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_as_record_is_refused_at_once(tmp_path: Path) -> None:
    folder = forged(tmp_path / "a")
    (folder / "model.json").unlink()
    os.mkfifo(folder / "model.json")
    with pytest.raises(WeightsError, match=r"model\.json"):
        Checkpoint.read(folder, "gains")


class TestBySource:
    def test_are_put_together(self, tmp_path: Path) -> None:
        forged(tmp_path / "a")
        forged(tmp_path / "b", sources=["drums", "bass"])
        assert sorted(read_by_source(tmp_path, "gains")) == ["bass", "drums", "voice"]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [({}, "two folders .* of source 'voice'"), ({"sources": ["drums"], "sample_rate": 16000}, "of one rate")],
    )
    def test_that_do_not_go_together(self, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
        forged(tmp_path / "a")
        forged(tmp_path / "b", **changes)
        with pytest.raises(WeightsError, match=words):
            read_by_source(tmp_path, "gains")

    def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match="holds no folders with weights"):
            read_by_source(tmp_path, "gains")
