"""A server on this machine, and weights on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sepkit import Registry
from sepkit.plugin import Weights
from tests.fetching.made_up import archive, publish, weights_of
from tests.servers import Server, running_server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for what is fetched."""
    monkeypatch.setenv("SEPKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture
def published(server: Server, registry: Registry, home: Path) -> Weights:
    """Weights of the method `taught`, on the server."""
    weights = weights_of(server.serve("/levels.zip", archive()), archive())
    publish(registry, weights)
    return weights
