"""What is published: fetched over loopback, asked for when it is not there, and each with its licence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sepkit
from sepkit import Registry, separate
from sepkit.errors import WeightsError
from sepkit.plugin import Weights
from sepkit_open_unmix.published import UMX, UMXHQ, UMXL
from tests.published import MIXTURE, Fetching, publishing
from tests.servers import Server


@pytest.fixture
def registry(tiny: Any, server: Server, home: Path) -> Registry:
    """One that publishes tiny networks, with the first digits of their digests, on the server."""
    return publishing("open-unmix", UMXHQ, server, tiny.files(), digits=8)


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


class TestFetching(Fetching):
    method = "open-unmix"
    weights = "umxhq"
    told = ("umxhq", "142.6 MB", "Stöter", "licence: MIT", "sepkit fetch umxhq", "--weights")


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
