"""What is published: fetched over loopback, asked for when it is not there, and told to be for science only."""

from __future__ import annotations

import hashlib
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import pytest

import sepkit
from sepkit import Registry, separate
from sepkit.errors import WeightsError
from sepkit.plugin import Weights
from sepkit_demucs.published import HTDEMUCS, HTDEMUCS_6S, HTDEMUCS_FT
from tests.published import MIXTURE, Fetching, publishing
from tests.servers import Server


@pytest.fixture
def registry(tiny: Any, server: Server, home: Path) -> Registry:
    """One that publishes tiny networks on the server."""
    signatures = ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d")
    return publishing("demucs", HTDEMUCS_FT, server, tiny.files("htdemucs_ft", signatures))


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


class TestFetching(Fetching):
    method = "demucs"
    weights = "htdemucs-ft"
    told = ("htdemucs", "84.0 MB", "Meta AI", "scientific purposes only", "sepkit fetch htdemucs", "--weights")


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
