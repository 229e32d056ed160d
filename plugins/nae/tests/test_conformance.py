"""The method keeps the promises that every plugin makes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugins.nae.tests import lessons
from sepkit.evaluation import Track
from sepkit.testing import parametrize_with_checks, run_checks
from sepkit.testing.material import SOURCES
from sepkit.training import TrainingData

NOT_WITH_WEIGHTS = {
    "seed-matters-as-declared": "nothing is drawn where nothing is fitted from a random start",
    "hosted-priors-are-used": "trained templates stay as they are, so priors on them are refused",
}


@parametrize_with_checks("nae")
def test_conformance(check: Any) -> None:
    check()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"rule": "projected", "context_frames": 1, "beta": 2},
        {"rule": "relu", "encoder_hidden": [5], "decoder_hidden": [4]},
    ],
    ids=["projected", "deep"],
)
def test_its_other_ways_keep_them_too(options: dict[str, Any]) -> None:
    outcomes = run_checks("nae", config={"rank": 4, "iterations": 5, "window_s": 0.012, **options})
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained for the sources that the kit asks for."""
    stems = {name: partial(lessons.played, scale, 0) for name, scale in zip(SOURCES, lessons.SCALES, strict=True)}
    given = TrainingData((Track(name="lesson", stems=stems),), (), SOURCES)
    return lessons.train(tmp_path_factory.mktemp("weights"), given=given, steps=10)


@pytest.mark.slow
@pytest.mark.parametrize("inference", ["encoder", "refit"])
def test_with_weights_it_keeps_them_too(weights: Path, inference: str) -> None:
    outcomes = run_checks("nae", weights=weights, config={"inference": inference}, expected_failures=NOT_WITH_WEIGHTS)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
