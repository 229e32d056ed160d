"""A server on this machine, and weights on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepkit import Registry
from sepkit.plugin import Weights
from tests.fetching.made_up import archive, publish, weights_of
from tests.servers import Server, home, server

__all__ = ["home", "published", "server"]


@pytest.fixture
def published(server: Server, registry: Registry, home: Path) -> Weights:
    """Weights of the method `taught`, on the server."""
    weights = weights_of(server.serve("/levels.zip", archive()), archive())
    publish(registry, weights)
    return weights
