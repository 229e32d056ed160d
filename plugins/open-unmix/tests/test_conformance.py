"""The method keeps the promises that every plugin makes, with tiny weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepkit.testing import run_checks


@pytest.mark.slow
def test_conformance(weights: Path) -> None:
    outcomes = run_checks("open-unmix", weights=weights)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
