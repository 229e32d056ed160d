"""What is published: fetched over loopback, asked for when it is not there, and each with its licence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Audio, Registry, separate
from sepkit.errors import WeightsError
from sepkit.plugin import Weights, WeightsFile
from sepkit_open_unmix.published import UMX, UMXHQ, UMXL
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
    """One that publishes tiny networks, with the first digits of their digests, on the server."""
    files = tuple(
        WeightsFile(url=server.serve(f"/{name}", data), sha256=hashlib.sha256(data).hexdigest()[:8], size=10**6)
        for name, data in tiny.files().items()
    )
    registry = Registry.discover()
    spec = registry.separator("open-unmix")
    registry.separators["open-unmix"] = replace(spec, weights=(replace(UMXHQ, files=files),))
    return registry


def test_are_fetched_with_consent_and_used(registry: Registry, server: Server) -> None:
    with pytest.raises(WeightsError, match=r"licence MIT.*accept"):
        sepkit.fetch("umxhq", registry=registry)
    assert server.asked == []
    folder = sepkit.fetch("umxhq", accept_licence=True, registry=registry)
    assert len(list(folder.iterdir())) == len(server.asked) == 4
    separation = separate(MIXTURE, "open-unmix", registry=registry)
    assert separation.sources == ("vocals", "drums", "bass", "other")
    [record] = separation.provenance.weights
    assert (record["name"], record["licence"], len(record["files"])) == ("umxhq", "MIT", 4)


def test_changed_since_they_were_fetched_are_refused(registry: Registry) -> None:
    folder = sepkit.fetch("umxhq", accept_licence=True, registry=registry)
    file = next(folder.glob("vocals*"))
    file.write_bytes(next(folder.glob("drums*")).read_bytes())
    with pytest.raises(WeightsError, match=r"changed since they were fetched: vocals-.*fetch them again"):
        separate(MIXTURE, "open-unmix", registry=registry)


def test_broken_off_leave_nothing(registry: Registry, server: Server, home: Path) -> None:
    server.cut = 1000
    with pytest.raises(WeightsError, match="broke off in the middle; try again"):
        sepkit.fetch("umxhq", accept_licence=True, registry=registry)
    assert not list(home.rglob("*.pth"))
    server.cut = None
    sepkit.fetch("umxhq", accept_licence=True, registry=registry)


def test_not_there_are_told_of_in_one_line(home: Path, tmp_path: Path) -> None:
    MIXTURE.write(tmp_path / "song.wav")
    done = call("run", "open-unmix", tmp_path / "song.wav", "-o", tmp_path / "out")
    assert (done.code, len(done.complaints)) == (2, 1)
    for told in ("umxhq", "142.6 MB", "Stöter", "licence: MIT", "sepkit fetch umxhq", "--weights"):
        assert told in done.err


@pytest.mark.parametrize(
    ("weights", "licence", "megabytes"), [(UMXHQ, "MIT", 143), (UMX, "MIT", 143), (UMXL, "CC-BY-NC-SA-4.0", 454)]
)
def test_are_those_of_the_authors(weights: Weights, licence: str, megabytes: int) -> None:
    assert weights.licence == licence
    assert weights.size == pytest.approx(megabytes * 1e6, rel=0.01)
    assert [file.name.partition("-")[0] for file in weights.files] == ["vocals", "drums", "bass", "other"]
    for file in weights.files:
        assert file.url.startswith("https://zenodo.org/records/")
        assert file.sha256.startswith(file.name.removesuffix(".pth").partition("-")[2])


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "hidden"), [(UMX, 512), (UMXHQ, 512), (UMXL, 1024)])
def test_sizes_are_those_of_such_networks(tiny: Any, weights: Weights, hidden: int) -> None:
    from sepkit_open_unmix.network import Sizes

    data = tiny.data(tiny.state(0, Sizes(bins=2049, heard=1487, channels=2, hidden=hidden, layers=3)))
    assert all(0 <= file.size - len(data) < 0.01 * len(data) for file in weights.files)
