"""The method keeps the promises that every plugin makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.interleaved.tests import toys
from plugins.interleaved.tests.test_separator import untrained
from sepkit.testing import run_checks
from sepkit.testing.material import SOURCES


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the sources that the kit asks for."""
    folder = tmp_path_factory.mktemp("weights")
    untrained("tiny", toys.RATE, 0.032, SOURCES).write(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("post_filter", ["none", "joint", "wiener"])
def test_with_weights_it_keeps_them(weights: Path, post_filter: str) -> None:
    outcomes = run_checks("interleaved", weights=weights, config={"post_filter": post_filter})
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
