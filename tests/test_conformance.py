"""What is built in keeps the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

import pytest

from sepkit import Registry
from sepkit.testing.runner import BoundCheck, bind_checks

BUILTIN = Registry()
PUBLISHED = sorted([*BUILTIN.separators, *BUILTIN.priors, *BUILTIN.constraints])
CHECKS: list[BoundCheck] = [check for name in PUBLISHED for check in bind_checks(name, registry=BUILTIN)]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.subject.name}-{check.name}")
def test_conformance(check: Any) -> None:
    check()
