"""Every method keeps the promises of its spec."""

from __future__ import annotations

from typing import Any

import pytest

from sepkit.testing import parametrize_with_checks, run_checks


@parametrize_with_checks("rpca")
def test_rpca(check: Any) -> None:
    check()


@parametrize_with_checks("repet")
def test_repet(check: Any) -> None:
    check()


@parametrize_with_checks("repet-sim")
def test_repet_sim(check: Any) -> None:
    check()


@parametrize_with_checks("ft2d")
def test_ft2d(check: Any) -> None:
    check()


@parametrize_with_checks("hpss")
def test_hpss(check: Any) -> None:
    check()


@parametrize_with_checks("melody")
def test_melody(check: Any) -> None:
    check()


@parametrize_with_checks("rpca-melody")
def test_rpca_melody(check: Any) -> None:
    check()


@parametrize_with_checks("ensemble")
def test_ensemble(check: Any) -> None:
    check()


@parametrize_with_checks("centre")
def test_centre(check: Any) -> None:
    check()


@parametrize_with_checks("duet")
def test_duet(check: Any) -> None:
    check()


@parametrize_with_checks("projet")
def test_projet(check: Any) -> None:
    check()


@pytest.mark.parametrize(
    ("method", "config"),
    [
        ("repet", {"adaptive": True, "span_s": 2}),
        ("repet-sim", {"online": True}),
    ],
)
def test_other_ways_keep_them_too(method: str, config: dict[str, Any]) -> None:
    assert [outcome for outcome in run_checks(method, config=config) if outcome.status == "failed"] == []
