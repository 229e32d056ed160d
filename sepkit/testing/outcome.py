"""What a check found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "skipped", "expected-failure"]


class CheckFailed(AssertionError):
    """A promise that was not kept, in one line: what was found, what is wanted, what to do."""


class Skipped(Exception):
    """A check that says nothing here, and why."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one check found.

    Attributes
    ----------
    check : str
        Its name, in kebab-case.
    status : {"passed", "failed", "skipped", "expected-failure"}
    message : str
        Why it failed or was skipped, in one line; empty when it passed.
    seconds : float
        Wall-clock time, with the separations that it was the first to ask for.
    """

    check: str
    status: Status
    message: str = ""
    seconds: float = 0.0


def require(condition: object, message: str) -> None:
    """Fail the check that is running unless `condition` holds.

    Raises
    ------
    CheckFailed
    """
    if not condition:
        raise CheckFailed(message)


def or_skipped(make: Callable[[], Any], culprit: str) -> Any:
    """What `make` gives; when it fails, the check `culprit` says so and the others are silent."""
    try:
        return make()
    except Skipped:
        raise
    except Exception as error:
        raise Skipped(f"nothing to check; see check '{culprit}'") from error
