"""Running checks: all that apply to a name, to an instance, or one by one under pytest."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sepkit.errors import ConfigError, fault_of
from sepkit.plugin.registry import Registry
from sepkit.problem.constraint import Constraint
from sepkit.problem.prior import Prior
from sepkit.testing.catalogue import CHECKS
from sepkit.testing.check import Check
from sepkit.testing.outcome import CheckFailed, Outcome, Skipped
from sepkit.testing.statement_subject import StatementSubject
from sepkit.testing.subject import Subject, find_subject

if TYPE_CHECKING:
    import pytest

_NONE: Mapping[str, str] = MappingProxyType({})
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, eq=False)
class BoundCheck:
    """One check of one subject. Called, it passes silently or raises, as a test does.

    Attributes
    ----------
    check : Check
    subject : MethodSubject or StatementSubject
        Shared by the checks of one run, with the separations that they have in common.
    expected : str or None
        Why it is expected to fail, if it is.
    """

    check: Check
    subject: Subject
    expected: str | None = None

    @property
    def name(self) -> str:
        """Name of the check."""
        return self.check.name

    def __call__(self) -> None:
        """Pass, or raise as pytest wants it.

        Raises
        ------
        CheckFailed
        """
        import pytest

        outcome = self.run()
        if outcome.status == "failed":
            raise CheckFailed(f"{self.subject.name}: {outcome.check}: {outcome.message}")
        if outcome.status == "skipped":
            pytest.skip(outcome.message)
        if outcome.status == "expected-failure":
            pytest.xfail(outcome.message)

    def __repr__(self) -> str:
        return f"<check {self.name} of {self.subject.name}>"

    def run(self) -> Outcome:
        """What the check found."""
        started = time.perf_counter()
        failure = skipped = ""
        try:
            self.check.function(self.subject)
        except Skipped as reason:
            skipped = str(reason)
        except CheckFailed as error:
            failure = str(error)
        except (Exception, SystemExit) as error:
            failure = f"raised {fault_of(error)}"
        seconds = time.perf_counter() - started

        def outcome(status: Any, message: str = "") -> Outcome:
            return Outcome(check=self.name, status=status, message=_one_line(message), seconds=seconds)

        if skipped:
            return outcome("skipped", skipped)
        if self.expected is not None:
            if failure:
                return outcome("expected-failure", f"{self.expected} ({failure})")
            return outcome("failed", f"passed, and was expected to fail: {self.expected}; expect it no longer")
        return outcome("failed", failure) if failure else outcome("passed")


def run_checks(
    name: str,
    *,
    registry: Registry | None = None,
    config: Mapping[str, Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    expected_failures: Mapping[str, str] = _NONE,
) -> list[Outcome]:
    """Check that a method, a prior or a constraint keeps the promises that plugins make.

    Parameters
    ----------
    name : str
        As it is published.
    registry : Registry, optional
        By default one with all installed plugins.
    config : mapping, optional
        Options; for a method they go over those of its spec's example, which keep the checks fast.
    weights : path, optional
        Folder of trained weights, for a method that needs some; by default those that ship with it.
    expected_failures : mapping of str to str
        Checks that are known to fail, with the reason. One that passes is a failure.

    Returns
    -------
    outcomes : list of Outcome
        Of every check that applies, in a fixed order.

    Raises
    ------
    UnknownNameError, ConfigError, WeightsError

    Examples
    --------
    >>> from sepkit.testing import run_checks
    >>> {outcome.status for outcome in run_checks("sparsity")} <= {"passed", "skipped"}
    True
    """
    return _outcomes(
        bind_checks(name, registry=registry, config=config, weights=weights, expected_failures=expected_failures)
    )


def check_prior(prior: Prior, *, expected_failures: Mapping[str, str] = _NONE) -> list[Outcome]:
    """Check a prior by itself, without a spec; see `run_checks`."""
    if not isinstance(prior, Prior):
        raise ConfigError(f"check_prior needs a prior, given {prior!r}")
    return _outcomes(_bound(StatementSubject("prior", None, instance=prior), expected_failures))


def check_constraint(constraint: Constraint, *, expected_failures: Mapping[str, str] = _NONE) -> list[Outcome]:
    """Check a constraint by itself, without a spec; see `run_checks`."""
    if not isinstance(constraint, Constraint):
        raise ConfigError(f"check_constraint needs a constraint, given {constraint!r}")
    return _outcomes(_bound(StatementSubject("constraint", None, instance=constraint), expected_failures))


def parametrize_with_checks(
    name: str,
    *,
    registry: Registry | None = None,
    config: Mapping[str, Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    expected_failures: Mapping[str, str] = _NONE,
) -> pytest.MarkDecorator:
    """Make a pytest test of every check that applies; parameters as of `run_checks`.

    Examples
    --------
    >>> from sepkit.testing import parametrize_with_checks
    >>> @parametrize_with_checks("sparsity")
    ... def test_conformance(check) -> None:
    ...     check()
    """
    import pytest

    checks = bind_checks(name, registry=registry, config=config, weights=weights, expected_failures=expected_failures)
    return pytest.mark.parametrize("check", [pytest.param(check, id=check.name) for check in checks])


def bind_checks(
    name: str,
    *,
    registry: Registry | None = None,
    config: Mapping[str, Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    expected_failures: Mapping[str, str] = _NONE,
) -> list[BoundCheck]:
    """The checks that apply to a name, to be run one by one; parameters as of `run_checks`."""
    subject = find_subject(name, registry or Registry.discover(), dict(config or {}), weights)
    return _bound(subject, expected_failures)


def _bound(subject: Subject, expected_failures: Mapping[str, str]) -> list[BoundCheck]:
    checks = [check for check in CHECKS if check.applies(subject)]
    names = {check.name for check in checks}
    unknown = [name for name in expected_failures if name not in names]
    if unknown:
        raise ConfigError(f"no check {', '.join(unknown)} applies to '{subject.name}'; there are {', '.join(names)}")
    return [BoundCheck(check, subject, expected_failures.get(check.name)) for check in checks]


def _outcomes(checks: Iterable[BoundCheck]) -> list[Outcome]:
    return [check.run() for check in checks]


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[: _LONGEST_MESSAGE - 4]} ..."
