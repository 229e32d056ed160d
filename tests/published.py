"""What plugins ask of weights that they publish: fetched over loopback, or told of where they are not there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import sepkit
from sepkit import Audio, Registry
from sepkit.errors import WeightsError
from sepkit.plugin import Weights, WeightsFile
from tests.commandline import call, files_below
from tests.servers import Server

MIXTURE = Audio(np.zeros((2, 2000), np.float32), 44100)


def publishing(
    method: str, weights: Weights, server: Server, files: Mapping[str, bytes], digits: int | None = None
) -> Registry:
    """A registry whose `method` has the weights in these files, on the server.

    Where no more than some `digits` of their digests are published, their sizes are not known for sure either.
    """
    described = []
    for name, data in files.items():
        digest = hashlib.sha256(data).hexdigest()[:digits]
        size = len(data) if digits is None else 10**6
        described.append(WeightsFile(url=server.serve(f"/{name}", data), sha256=digest, size=size))
    registry = Registry.discover()
    spec = registry.separator(method)
    registry.separators[method] = replace(spec, weights=(replace(weights, files=tuple(described)),))
    return registry


class Fetching:
    """Fetching the weights of a method that `registry`, a fixture, publishes on the server.

    Attributes
    ----------
    method, weights : str
        Names.
    told : tuple of str
        What a user reads whose method has no weights.
    """

    method: ClassVar[str]
    weights: ClassVar[str]
    told: ClassVar[tuple[str, ...]]

    def test_broken_off_leaves_nothing(self, registry: Registry, server: Server, home: Path) -> None:
        server.cut = 1000
        with pytest.raises(WeightsError, match="broke off in the middle; try again"):
            sepkit.fetch(self.weights, accept_licence=True, registry=registry)
        assert not [name for name in files_below(home) if (home / name).is_file() and "lock" not in name]
        server.cut = None
        sepkit.fetch(self.weights, accept_licence=True, registry=registry)

    def test_of_what_is_not_there_is_told_in_one_line(self, home: Path, tmp_path: Path) -> None:
        MIXTURE.write(tmp_path / "song.wav")
        done = call("run", self.method, tmp_path / "song.wav", "-o", tmp_path / "out")
        assert (done.code, len(done.complaints)) == (2, 1)
        for told in self.told:
            assert told in done.err
