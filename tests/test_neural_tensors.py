"""Files of tensors that strangers wrote."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from sepkit.errors import WeightsError
from sepkit.neural import read_safetensors, read_state_dict


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def saved(value: Any, *, legacy: bool = False) -> bytes:
    written = io.BytesIO()
    torch.save(value, written, _use_new_zipfile_serialization=not legacy)
    return written.getvalue()


def refused(read: Callable[[Path], Any], path: Path, data: bytes, match: str) -> None:
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=match) as raised:
        read(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("legacy", [True, False])
def test_state_dicts_are_read_as_torch_writes_and_wrote_them(tmp_path: Path, legacy: bool) -> None:
    written = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).state_dict()
    (tmp_path / "voice.pth").write_bytes(saved(written, legacy=legacy))
    found = read_state_dict(tmp_path / "voice.pth")
    assert list(found) == list(written)
    assert all(torch.equal(found[name], written[name]) for name in written)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_what_would_run_code_is_refused_and_not_run(tmp_path: Path, legacy: bool, inner: bool) -> None:
    evil: Any = Evil(tmp_path / "trace")
    data = saved({"weight": torch.ones(2), "x": evil} if inner else evil, legacy=legacy)
    refused(read_state_dict, tmp_path / "evil.pth", data, "would run code when it is read")
    assert not (tmp_path / "trace").exists()


def test_pickled_networks_are_refused(tmp_path: Path) -> None:
    refused(read_state_dict, tmp_path / "a.pth", saved(nn.Linear(3, 2)), "would run code when it is read")
    for protocol in range(6):
        refused(read_state_dict, tmp_path / "b.pth", pickle.dumps({"a": 1}, protocol), r"b\.pth")


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(3),
        [torch.ones(3)],
        {"weight": torch.ones(3), "steps": 3},
        {1: torch.ones(3)},
        {"weight": torch.ones(1).expand(10**12)},
        {"weight": torch.tensor([1.0, float("nan")])},
        {"weight": torch.tensor([float("inf")]).half()},
        {"weight": torch.ones(3, dtype=torch.complex64)},
    ],
    ids=["tensor", "list", "number", "nameless", "repeated", "nan", "infinite", "complex"],
)
def test_other_things_than_finite_tensors_are_refused(tmp_path: Path, value: Any) -> None:
    refused(read_state_dict, tmp_path / "odd.pth", saved(value), "truncated or damaged")


@pytest.mark.parametrize("legacy", [True, False])
def test_a_truncated_state_dict_is_refused_wherever_it_was_cut(tmp_path: Path, legacy: bool) -> None:
    data = saved(nn.Linear(3, 2).state_dict(), legacy=legacy)
    for length in range(0, len(data), 41):
        refused(read_state_dict, tmp_path / "cut.pth", data[:length], "truncated or damaged|is damaged")


def test_what_grows_when_it_is_read_is_refused(tmp_path: Path) -> None:
    small, data = tmp_path / "small.pth", saved({"weight": torch.zeros(10**6)})
    with zipfile.ZipFile(io.BytesIO(data)) as plain, zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as packed:
        for member in plain.infolist():
            packed.writestr(member.filename, plain.read(member))
    refused(read_state_dict, small, small.read_bytes(), "would unpack to more than it is")


def test_safetensors_come_with_what_their_header_tells(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(3), "b": torch.ones(2, 2).half()}
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors", metadata={"klass": "Some"})
    found, metadata = read_safetensors(tmp_path / "x.safetensors")
    assert metadata == {"klass": "Some"}
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors")
    assert read_safetensors(tmp_path / "x.safetensors")[1] == {}


def test_damaged_safetensors_are_refused(tmp_path: Path) -> None:
    data = safetensors.torch.save({"a": torch.ones(3)}, metadata={"klass": "Some"})
    for length in range(0, len(data), 7):
        refused(read_safetensors, tmp_path / "cut", data[:length], "truncated or damaged")
    nan = safetensors.torch.save({"a": torch.tensor([float("nan")])})
    refused(read_safetensors, tmp_path / "nan", nan, "no finite numbers")


@pytest.mark.parametrize("read", [read_state_dict, read_safetensors])
def test_what_is_no_file_is_refused(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    with pytest.raises(WeightsError, match=r"cannot read weights from .*none: No such file"):
        read(tmp_path / "none")
    with pytest.raises(WeightsError, match=r"cannot read weights from .*: Is a directory"):
        read(tmp_path)
