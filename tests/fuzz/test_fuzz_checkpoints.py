"""Checkpoints that a stranger has changed, digest and all: stems of numbers come back, or one line says why not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch  # noqa: TID253
import torch  # noqa: TID253
from hypothesis import given
from hypothesis import strategies as st

import sepkit
from sepkit import Audio, Registry
from sepkit.errors import UserError, WeightsError
from sepkit.neural import Checkpoint, generator
from sepkit.spectral import STFT
from tests.fuzz.targets import fuzzed

RATE = 8000
MIXTURE = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (1, 400)).astype(np.float32), RATE)
F0 = {name: sepkit.F0Track(np.array([0.0, 0.05]), np.full(2, f0_hz)) for name, f0_hz in (("a", 200.0), ("b", 300.0))}
"""For methods that need it."""
REGISTRY = Registry.discover()
Folder = Path
Change = Callable[[Folder], None]


def weights_of_nae(folder: Folder) -> None:
    from sepkit_nae.trained import build
    from sepkit_nae.training_config import NAETraining

    options = NAETraining(rank=2, encoder_hidden=(3,), window_s=0.004, context_frames=1)
    model = build(options, STFT.of_duration(options.window_s, options.overlap, RATE), 2)
    for weights in model.parameters():
        torch.nn.init.uniform_(weights, 0, 0.1, generator=generator(np.random.default_rng(0)))
    write("nae", options.model_dump(mode="json"), ("a", "b"), model, folder)


def weights_of_flows(kind: str) -> Callable[[Folder], None]:
    def make(folder: Folder) -> None:
        from sepkit_flow_sgld.flow_options import SpectralFlowOptions, WaveformFlowOptions
        from sepkit_flow_sgld.prior import FLOWS

        common: dict[str, Any] = {"data_std": 0.3, "dilations": (1,), "levels": (0.01, 2.0)}
        options: Any = (
            WaveformFlowOptions(frames=(4,), widths=(3,), steps=(1,), embedding=4, **common)
            if kind == "waveform"
            else SpectralFlowOptions(kind="spectral", bins=8, steps=1, width=3, **common)
        )
        for source in ("a", "b"):
            flow = FLOWS.drawn(options)
            flow.initialize(generator(np.random.default_rng(1)))
            write("flow", options.model_dump(mode="json"), (source,), flow, folder / source)

    return make


def weights_of_source_filter(folder: Folder) -> None:
    from sepkit_source_filter.network import SourceFilterNetwork

    network = SourceFilterNetwork("small", 2)
    network.draw(generator(np.random.default_rng(3)))
    write("source-filter", {"order": 2}, ("a", "b"), network, folder, rate=16_000)


def write(
    method: str, config: dict[str, Any], sources: tuple[str, ...], model: Any, folder: Folder, rate: int = RATE
) -> None:
    Checkpoint(method, config, sources, rate, model.state_dict(), {"seed": 1, "losses": [0.5]}).write(folder)


SAMPLED = {"levels": 1, "steps": 1, "chains": 1, "start": "wiener"}
METHODS: dict[str, tuple[str, Callable[[Folder], None], dict[str, Any]]] = {
    "nae": ("nae", weights_of_nae, {}),
    "nae refit": ("nae", weights_of_nae, {"inference": "refit", "iterations": 2}),
    "flows on waveforms": ("flow-sgld", weights_of_flows("waveform"), SAMPLED),
    "spectral flows": ("flow-sgld", weights_of_flows("spectral"), SAMPLED),
    "network of source-filter": ("source-filter", weights_of_source_filter, {"f0_rounds": 0, "window_s": 0.03}),
}


def forged(folder: Folder, record: dict[str, Any], data: bytes) -> None:
    """Write both files with a digest that is right."""
    record.pop("digest", None)
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    digest.update(data)
    text = json.dumps({**record, "digest": digest.hexdigest()}, ensure_ascii=False)
    (folder / "model.json").write_text(text, encoding="utf-8", errors="backslashreplace")
    (folder / "model.safetensors").write_bytes(data)


def read(folder: Folder) -> tuple[dict[str, Any], bytes]:
    record: dict[str, Any] = json.loads((folder / "model.json").read_bytes())
    return record, (folder / "model.safetensors").read_bytes()


strange = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 70)
    | st.sampled_from([2**31, -(2**70), 10**300, 1e30, float("nan"), float("inf"), 1e-320, 0.0])
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["nae", "\udcff", "spectral", "a/../b", "a\nb", " "]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a record: of what is in it, and of what is in that."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, child in inside for place in ((*at, key), *places(child, (*at, key)))]


@st.composite
def changed_records(draw: st.DrawFn) -> Change:
    part, value, how = draw(st.floats(0, 1, exclude_max=True)), draw(strange), draw(st.integers(0, 2))
    deep = draw(st.sampled_from([0, 0, 0, 0, 40, 5000]))

    def change(folder: Folder) -> None:
        record, data = read(folder)
        found = [place for place in places(record) if place != ("digest",)]
        *path, last = found[int(part * len(found))]
        parent: Any = record
        for key in path:
            parent = parent[key]
        if how == 0:
            del parent[last]
        elif how == 1 or not isinstance(parent, dict):
            parent[last] = value
        else:
            parent[f"{last}x"] = parent.pop(last)
        if deep:
            text = json.dumps(record).replace('"about": {', '"about": {"deep": ' + "[" * deep + "]" * deep + ", ", 1)
            (folder / "model.json").write_text(text)
        else:
            forged(folder, record, data)

    return change


@st.composite
def changed_tensors(draw: st.DrawFn) -> Change:
    part = draw(st.floats(0, 1, exclude_max=True))
    how = draw(
        st.sampled_from(["drop", "rename", "more", "flat", "cut", "half", "double", "whole", "complex", "value"])
    )
    value = draw(st.sampled_from([0.0, -1.0, 1e3, 6e4, 1e18, 1e30, -1e30, 3e38, float("nan"), float("inf")]))
    whole = draw(st.booleans())

    def change(folder: Folder) -> None:
        record, data = read(folder)
        tensors = safetensors.torch.load(data)
        name = list(tensors)[int(part * len(tensors))]
        tensor = tensors[name]
        kinds = {"half": torch.half, "double": torch.double, "whole": torch.int64, "complex": torch.complex64}
        if how in kinds:
            tensors[name] = (tensor.real if tensor.is_complex() else tensor).to(kinds[how])
        elif how == "drop":
            del tensors[name]
        elif how == "rename":
            tensors["\u266a" + name] = tensors.pop(name)
        elif how == "more":
            tensors["more"] = tensor.clone()
        elif how == "flat":
            tensors[name] = tensor.flatten()
        elif how == "cut":
            tensors[name] = tensor[:-1].clone()
        elif whole:
            tensors[name] = torch.full_like(tensor, value)
        else:
            tensors[name] = tensor.clone()
            tensors[name].view(-1)[int(part * tensor.numel())] = value
        forged(folder, record, safetensors.torch.save(tensors))

    return change


@st.composite
def changed_bytes(draw: st.DrawFn) -> Change:
    part, mask, kept = draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(1, 255)), draw(st.booleans())
    early = draw(st.booleans())

    def change(folder: Folder) -> None:
        record, data = read(folder)
        place = int(part * (min(len(data), 300) if early else len(data)))
        altered = bytearray(data)
        altered[place] ^= mask
        forged(folder, record, bytes(altered) if kept else data[:place])

    return change


@st.composite
def other_files(draw: st.DrawFn) -> Change:
    name = draw(st.sampled_from(["model.json", "model.safetensors"]))
    how = draw(st.sampled_from(["pipe", "device", "folder", "large", "random", "none"]))
    content = draw(st.binary(max_size=60))

    def change(folder: Folder) -> None:
        path = folder / name
        path.unlink()
        if how == "pipe":
            os.mkfifo(path)
        elif how == "device":
            path.symlink_to("/dev/zero")
        elif how == "folder":
            path.mkdir()
        elif how == "large":
            with open(path, "wb") as file:
                file.truncate(1 << 35)
        elif how == "random":
            path.write_bytes(content)

    return change


def first_of(folder: Folder) -> Folder:
    return folder if (folder / "model.json").exists() else folder / "a"


def outcome(method: str, folder: Folder, config: dict[str, Any]) -> str | None:
    """None where stems came back, else the line that the user would read."""
    f0 = F0 if "f0" in " ".join(REGISTRY.separator(method).needs) else None
    try:
        sepkit.separate(MIXTURE, method, f0=f0, weights=folder, config=config, device="cpu", registry=REGISTRY)
    except UserError as error:
        return str(error)
    return None


def changed(folder: Folder, changes: list[Change]) -> None:
    """One change after the other, as far as what is left can be changed."""
    with suppress(ValueError, OSError, LookupError, RecursionError, RuntimeError, safetensors.SafetensorError):
        for change in changes:
            change(first_of(folder))


CHANGES = st.lists(changed_records() | changed_tensors() | changed_bytes(), min_size=1, max_size=2)


@pytest.mark.parametrize("name", METHODS)
@fuzzed
@given(changes=CHANGES | st.lists(other_files(), min_size=1, max_size=1))
def test_a_changed_checkpoint_is_used_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[Change]
) -> None:
    method, make, config = METHODS[name]
    base = tmp_path_factory.getbasetemp()
    whole, folder = base / f"whole {name}", base / "changed"
    if not whole.exists():
        make(whole)
        assert outcome(method, whole, config) is None
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    changed(folder, changes)
    said = outcome(method, folder, config)
    if said is not None:
        # The folder's name is the test's own.
        assert "\n" not in said
        assert len(said.replace(str(folder), "")) <= 300, said


def to_nowhere(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
@pytest.mark.parametrize(
    ("make", "words"), [(os.mkfifo, "no regular file"), (to_nowhere, "no regular file"), (os.mkdir, "directory")]
)
def test_what_has_no_end_is_never_read(tmp_path: Path, name: str, make: Callable[[Path], None], words: str) -> None:
    weights_of_nae(tmp_path)
    (tmp_path / name).unlink()
    make(tmp_path / name)
    with pytest.raises(WeightsError, match=words):
        Checkpoint.read(tmp_path, "nae")


def test_records_that_are_too_large_or_too_deep_are_refused(tmp_path: Path) -> None:
    weights_of_nae(tmp_path)
    (tmp_path / "model.json").write_text("[" * 100_000)
    with pytest.raises(WeightsError, match="truncated or damaged"):
        Checkpoint.read(tmp_path, "nae")
    (tmp_path / "model.json").write_text('{"about": ' + "[" * 40 + "]" * 40 + "}")
    with pytest.raises(WeightsError, match="nested more than 32 deep"):
        Checkpoint.read(tmp_path, "nae")
    with open(tmp_path / "model.json", "ab") as file:
        file.truncate(1 << 40)
    with pytest.raises(WeightsError, match="larger than the"):
        Checkpoint.read(tmp_path, "nae")
