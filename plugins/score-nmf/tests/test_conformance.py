"""The method keeps the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

import pytest

from sepkit.testing import parametrize_with_checks, run_checks


@parametrize_with_checks("score-nmf")
def test_conformance(check: Any) -> None:
    check()


@pytest.mark.parametrize(
    "options",
    [{"start": "tutorial", "transients": True}, {"transients": True, "beta": 0, "unexplained": "share"}],
    ids=["tutorial", "shared"],
)
def test_its_other_ways_keep_them_too(options: dict[str, Any]) -> None:
    outcomes = run_checks("score-nmf", config=options)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
