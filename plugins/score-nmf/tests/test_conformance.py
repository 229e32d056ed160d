"""The method keeps the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

import pytest

from sepkit.testing import parametrize_with_checks, run_checks


@parametrize_with_checks("score-nmf")
def test_conformance(check: Any) -> None:
    check()


@parametrize_with_checks("score-nmf-tutorial")
def test_conformance_of_the_tutorial(check: Any) -> None:
    check()


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("score-nmf-tutorial", {"transients": True}),
        ("score-nmf", {"transients": True, "beta": 0, "unexplained": "share"}),
    ],
    ids=["tutorial", "shared"],
)
def test_its_other_ways_keep_them_too(method: str, options: dict[str, Any]) -> None:
    outcomes = run_checks(method, config=options)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
