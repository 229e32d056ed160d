"""Checkpoints: what is read is what was written, or one line says why not."""

from __future__ import annotations

import json
import pickle
import resource
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import sepkit_fakes as fakes
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sepkit import Audio, Config, Problem, Registry, Run, Separator
from sepkit.errors import WeightsError, WriteError
from sepkit.neural import Checkpoint
from tests.commandline import call, files_below, record

GAINS = Checkpoint(
    method="gains",
    config={"width": 2, "dilations": [1, 2]},
    sources=("voice", "Flöte"),
    sample_rate=8000,
    tensors={"gains": torch.tensor([0.25, 0.75]), "steps": torch.tensor(3)},
    about={"seed": 1, "losses": [0.5, 0.1]},
)


class Gains(Separator[Config]):
    """Every stem is the mixture times a trained gain."""

    def load(self, weights: Path | None, run: Run) -> None:
        assert weights is not None
        self.read = Checkpoint.read(weights, "gains")

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        mixture = problem.mixture
        gains = zip(self.read.sources, self.read.tensors["gains"].numpy(), strict=True)
        return {name: Audio(mixture.samples * gain, mixture.sample_rate) for name, gain in gains}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    GAINS.write(tmp_path / "weights")
    return tmp_path / "weights"


def equal(one: Checkpoint, other: Checkpoint) -> bool:
    same = all(
        getattr(one, name) == getattr(other, name) for name in ("method", "config", "sources", "sample_rate", "about")
    )
    tensors = one.tensors.keys() == other.tensors.keys()
    return same and tensors and all(torch.equal(one.tensors[key], other.tensors[key]) for key in one.tensors)


class TestWritten:
    def test_it_is_read_as_it_was(self, folder: Path) -> None:
        assert equal(Checkpoint.read(folder, "gains"), GAINS)
        assert files_below(folder) == ["model.json", "model.safetensors"]

    def test_it_says_for_people_what_it_is(self, folder: Path) -> None:
        text = (folder / "model.json").read_text(encoding="utf-8")
        assert '"Flöte"' in text
        assert list(json.loads(text)) == ["format", "method", "config", "sources", "sample_rate", "about", "digest"]

    def test_over_another_it_takes_its_place_and_leaves_other_files(self, folder: Path) -> None:
        (folder / "notes.txt").write_text("kept")
        other = replace(GAINS, tensors={"gains": torch.zeros(2)})
        other.write(folder)
        assert equal(Checkpoint.read(folder, "gains"), other)
        assert (folder / "notes.txt").read_text() == "kept"
        assert files_below(folder.parent)[0] == "weights"

    @pytest.mark.parametrize(
        "about",
        [
            {2: "a", 10: "b"},
            {"name": "a\udcff"},
            {"levels": (1, 2)},
            {"figure": 0.1 + 0.2},
            {"deep": {"x": [None, True]}},
        ],
        ids=["numbers as keys", "no text", "tuple", "float", "nested"],
    )
    def test_whatever_json_takes_is_read_again(self, tmp_path: Path, about: dict[Any, Any]) -> None:
        replace(GAINS, about=about).write(tmp_path / "weights")
        assert Checkpoint.read(tmp_path / "weights", "gains").about == json.loads(json.dumps(about))

    def test_tensors_may_share_memory_and_be_views_and_of_any_type(self, tmp_path: Path) -> None:
        whole = torch.arange(6.0).reshape(2, 3).requires_grad_()
        tensors = {
            "a": whole,
            "b": whole,
            "c": whole.T,
            "d": whole.half(),
            "e": torch.tensor([True]),
            "f": torch.empty(0),
        }
        replace(GAINS, tensors=tensors).write(tmp_path / "weights")
        read = Checkpoint.read(tmp_path / "weights", "gains").tensors
        for name, tensor in tensors.items():
            assert torch.equal(read[name], tensor)
            assert read[name].dtype == tensor.dtype

    def test_equal_ones_have_equal_bytes(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            GAINS.write(tmp_path / name)
        for file in ("model.json", "model.safetensors"):
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()

    @pytest.mark.parametrize("before", [None, GAINS])
    def test_on_a_full_disk_nothing_is_changed(self, tmp_path: Path, before: Checkpoint | None) -> None:
        if before is not None:
            before.write(tmp_path / "weights")
        left = files_below(tmp_path)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
        try:
            with pytest.raises(WriteError, match="free some space or choose another place"):
                replace(GAINS, tensors={"gains": torch.zeros(100)}).write(tmp_path / "weights")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert files_below(tmp_path) == left
        assert before is None or equal(Checkpoint.read(tmp_path / "weights", "gains"), before)

    def test_below_a_file_it_cannot_be(self, regular_file: Path) -> None:
        with pytest.raises(WriteError):
            GAINS.write(regular_file / "weights")


def edited(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        file = folder / "model.json"
        file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **changes}))

    return edit


def written(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def cut(name: str, length: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:length]) and None


def flipped(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(data))


def another(folder: Path) -> None:
    replace(GAINS, tensors={"gains": torch.ones(2)}).write(folder.with_name("other"))
    (folder.with_name("other") / "model.safetensors").replace(folder / "model.safetensors")


TAMPERED = "are truncated, or changed since they were written; copy or train them again"
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no record": (
        lambda folder: (folder / "model.json").unlink(),
        "model.json: No such file .*; train some with: sepkit",
    ),
    "no tensors": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors: No such file"),
    "tensors cut": (cut("model.safetensors", 40), TAMPERED),
    "no byte of the tensors": (cut("model.safetensors", 0), TAMPERED),
    "record cut": (cut("model.json", 60), "model.json is truncated or damaged"),
    "no byte of the record": (cut("model.json", 0), "model.json is truncated or damaged"),
    "a bit of the tensors": (flipped, TAMPERED),
    "others' tensors": (another, TAMPERED),
    "an option": (edited(config={"width": 3, "dilations": [1, 2]}), TAMPERED),
    "a source": (edited(sources=["voice", "drums"]), TAMPERED),
    "the rate": (edited(sample_rate=16000), TAMPERED),
    "the digest": (edited(digest="0" * 64), TAMPERED),
    "a key more": (edited(more=1), TAMPERED),
    "another method": (edited(method="nae"), "holds weights of 'nae', wanted are those of 'gains'"),
    "a newer format": (edited(format=2), "holds weights of format 2, this sepkit reads 1; update sepkit"),
    "a foreign record": (written("model.json", b'{"model_type": "bert"}'), "holds weights of format None"),
    "a list": (written("model.json", b"[1, 2]"), "holds no JSON object"),
    "bytes": (written("model.json", bytes(range(256))), "model.json is truncated or damaged"),
    "a pickle": (written("model.safetensors", pickle.dumps(np.ones(3))), TAMPERED),
    "a folder as record": (
        lambda folder: ((folder / "model.json").unlink(), (folder / "model.json").mkdir()),
        "model.json: Is a directory",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_or_foreign_is_refused_in_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    do, words = DAMAGES[damage]
    do(folder)
    with pytest.raises(WeightsError, match=words) as error:
        Checkpoint.read(folder, "gains")
    assert "\n" not in str(error.value)
    registry = Registry()
    registry.add(fakes.spec("gains", "Gains", needs=("weights",)))
    registry.separators["gains"] = replace(registry.separator("gains"), factory=f"{__name__}:Gains")
    monkeypatch.setattr("sepkit.cli.run.discover", lambda ctx: registry)
    shown = call("run", "gains", record(tmp_path / "mix.wav"), "-o", tmp_path / "out", "--weights", folder)
    assert (shown.code, shown.out, len(shown.complaints)) == (2, "", 1)
    assert str(error.value) in shown.err


def test_a_folder_that_is_a_file_is_refused(regular_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds no weights: model\.json: Not a directory"):
        Checkpoint.read(regular_file, "gains")


WHOLE: dict[str, bytes] = {}


@given(st.sampled_from(["model.json", "model.safetensors"]), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_no_changed_byte_changes_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: float, mask: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "flipped"
    if not WHOLE:
        GAINS.write(folder)
        WHOLE.update({file.name: file.read_bytes() for file in folder.iterdir()})
    data = bytearray(WHOLE[name])
    data[int(place * len(data))] ^= mask
    (folder / name).write_bytes(bytes(data))
    try:
        read = Checkpoint.read(folder, "gains")
    except WeightsError:
        pass
    else:
        assert equal(read, GAINS)
    finally:
        (folder / name).write_bytes(WHOLE[name])


class TestLoadInto:
    def test_a_model_has_the_weights_then(self, tmp_path: Path) -> None:
        trained, model = nn.Linear(2, 3), nn.Linear(2, 3)
        replace(GAINS, tensors=trained.state_dict()).write(tmp_path / "weights")
        Checkpoint.read(tmp_path / "weights", "gains").load_into(model)
        assert torch.equal(model.weight, trained.weight)

    def test_a_model_of_other_shapes_is_refused_in_one_line(self) -> None:
        with pytest.raises(
            WeightsError,
            match=r"do not fit the model of 'gains': tensor 'weight' has shape \(3, 2\), wanted is \(3, 3\)",
        ) as error:
            replace(GAINS, tensors=nn.Linear(2, 3).state_dict()).load_into(nn.Linear(3, 3))
        assert "\n" not in str(error.value)


def test_others_can_read_the_tensors(folder: Path) -> None:
    assert safetensors.torch.load_file(folder / "model.safetensors").keys() == GAINS.tensors.keys()
