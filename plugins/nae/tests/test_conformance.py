"""The method keeps the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

import pytest

from sepkit.testing import parametrize_with_checks, run_checks


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
