"""Recordings that batches go over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batching.material import NAMES, SILENT
from tests.benchmarks import install_everywhere
from tests.commandline import hum, record


@pytest.fixture(autouse=True)
def _methods(monkeypatch: pytest.MonkeyPatch) -> None:
    install_everywhere(monkeypatch, "good", "unruly")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve recordings, one of them silent."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        record(folder / f"{name}.wav", hum(0.05) * (name != SILENT) * (1 + number))
    return folder


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    return [record(tmp_path / f"{name}.wav", hum(0.05) * gain) for name, gain in (("a", 1), ("b", 2), ("c", 3))]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
