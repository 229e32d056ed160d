"""What is published: fetched over loopback, asked for when it is not there, and told to be for science only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Audio, Registry, separate
from sepkit.errors import WeightsError
from sepkit.plugin import Weights, WeightsFile
from sepkit_demucs.published import HTDEMUCS, HTDEMUCS_6S, HTDEMUCS_FT
from tests.commandline import call
from tests.servers import Server, running_server

MIXTURE = Audio(np.zeros((2, 2000), np.float32), 44100)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEPKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture
def registry(tiny: Any, server: Server, home: Path) -> Registry:
    """One that publishes tiny networks on the server."""
    signatures = ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d")
    files = tuple(
        WeightsFile(url=server.serve(f"/{name}", data), sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        for name, data in tiny.files("htdemucs_ft", signatures).items()
    )
    registry = Registry.discover()
    spec = registry.separator("demucs")
    registry.separators["demucs"] = replace(spec, weights=(replace(HTDEMUCS_FT, files=files),))
    return registry


def test_are_fetched_with_consent_and_used(registry: Registry, server: Server) -> None:
    with pytest.raises(WeightsError, match=r"licence for scientific purposes only, not covered by the MIT.*accept"):
        sepkit.fetch("htdemucs-ft", registry=registry)
    assert server.asked == []
    folder = sepkit.fetch("htdemucs-ft", accept_licence=True, registry=registry)
    assert len(list(folder.iterdir())) == len(server.asked) == 5
    separation = separate(MIXTURE, "demucs", registry=registry)
    assert separation.sources == ("drums", "bass", "other", "vocals")
    [record] = separation.provenance.weights
    assert record["licence"].startswith("for scientific purposes only")
    assert [file["sha256"] for file in record["files"]] == [
        hashlib.sha256((folder / file["url"].rpartition("/")[2]).read_bytes()).hexdigest() for file in record["files"]
    ]


@pytest.mark.parametrize("change", ["tampered", "truncated", "renamed"])
def test_changed_since_they_were_fetched_are_refused(registry: Registry, change: str) -> None:
    folder = sepkit.fetch("htdemucs-ft", accept_licence=True, registry=registry)
    drums, vocals = folder / "f7e0c4bc.safetensors", folder / "04573f0d.safetensors"
    if change == "renamed":
        drums.rename(folder / "aside")
        vocals.rename(drums)
        (folder / "aside").rename(vocals)
    else:
        data = drums.read_bytes()
        drums.unlink()
        drums.write_bytes(data[:-1] if change == "truncated" else data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(WeightsError, match=r"changed since they were fetched: f7e0c4bc.*fetch them again"):
        separate(MIXTURE, "demucs", registry=registry)


def test_broken_off_leave_nothing(registry: Registry, server: Server, home: Path) -> None:
    server.cut = 1000
    with pytest.raises(WeightsError, match="broke off in the middle; try again"):
        sepkit.fetch("htdemucs-ft", accept_licence=True, registry=registry)
    assert not list(home.rglob("*.yaml"))
    server.cut = None
    sepkit.fetch("htdemucs-ft", accept_licence=True, registry=registry)


def test_not_there_are_told_of_in_one_line(home: Path, tmp_path: Path) -> None:
    MIXTURE.write(tmp_path / "song.wav")
    done = call("run", "demucs", tmp_path / "song.wav", "-o", tmp_path / "out")
    assert (done.code, len(done.complaints)) == (2, 1)
    for told in ("htdemucs", "84.0 MB", "Meta AI", "scientific purposes only", "sepkit fetch htdemucs", "--weights"):
        assert told in done.err


@pytest.mark.parametrize(
    ("weights", "bag"), [(HTDEMUCS, "htdemucs"), (HTDEMUCS_FT, "htdemucs_ft"), (HTDEMUCS_6S, "htdemucs_6s")]
)
def test_are_those_that_the_package_names(weights: Weights, bag: str) -> None:
    # The same small file lies in the package and beside the networks.
    theirs = (resources("demucs") / "remote" / f"{bag}.yaml").read_bytes()
    described, *networks = weights.files
    assert (described.name, described.size) == (f"{bag}.yaml", len(theirs))
    assert described.sha256 == hashlib.sha256(theirs).hexdigest()
    import yaml

    assert [file.name.partition(".")[0] for file in networks] == yaml.safe_load(theirs)["models"]
    # Each of one commit, that is: never of another content.
    assert all(len(file.url.split("/")[6]) == 40 and len(file.sha256) == 64 for file in weights.files)
