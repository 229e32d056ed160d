"""The method keeps the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

from sepkit.testing import parametrize_with_checks


@parametrize_with_checks("policy-unet")
def test_conformance(check: Any) -> None:
    check()
