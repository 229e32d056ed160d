"""Fake installed distributions: one plugin that works and every kind that does not.

Each folder here is a place as ``pip install --target`` makes it: a package and its ``.dist-info``. Being on the path is
being installed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.scrubbed import scrubbed

FOLDER = Path(__file__).parent

OFFENDERS = {
    "bad-spec": ("broken", "kebab-case"),
    "exits": ("broken", "wants to be alone"),
    "hook-raises": ("broken", "the second half is missing"),
    "misspelt-hook": ("broken", "sepkit_seperators"),
    "no-api": ("incompatible", "states no SEPKIT_API"),
    "nonsense": ("broken", "needs to yield SeparatorSpec, given str"),
    "other-api": ("incompatible", "written for API 99"),
    "raises": ("broken", "no licence"),
    "rival-nmf": ("conflict", "method 'nmf' is already published by plugin 'nmf'"),
}
"""The state that each bad plugin ends in, and the essential words of the reason."""

_SETTINGS = ("SEPKIT_DISABLE_PLUGINS", "SEPKIT_STRICT")


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Install distributions for the rest of a test, in this process."""
    for setting in _SETTINGS:
        monkeypatch.delenv(setting, raising=False)
    for name in names:
        monkeypatch.syspath_prepend(str(FOLDER / name))


def environment(*names: str, **settings: str) -> dict[str, str]:
    """The environment of a subprocess in which distributions are installed."""
    return {
        **scrubbed(),
        "PYTHONPATH": os.pathsep.join(str(FOLDER / name) for name in names),
        "PYTHONDONTWRITEBYTECODE": "1",
        **settings,
    }
