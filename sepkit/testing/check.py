"""Checks: plain functions of a subject, and what the subject must have declared for them to apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Predicate = Callable[[Any], bool]


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes
    ----------
    name : str
        In kebab-case.
    summary : str
        What is promised, in one line.
    function : callable
        Takes a subject; returns when the promise is kept, raises otherwise.
    applies : callable
        Says whether the promise was made, from what the subject declares.
    """

    name: str
    summary: str
    function: Callable[[Any], None]
    applies: Predicate


CHECKS: list[Check] = []
"""All checks, in the order in which they run; the modules of checks fill it."""


def check(*, when: Predicate) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Make a function a check of all subjects for which `when` holds, called as it is, in kebab-case."""

    def register(function: Callable[[Any], None]) -> Callable[[Any], None]:
        summary = (function.__doc__ or "").partition("\n")[0].rstrip(".")
        CHECKS.append(Check(function.__name__.replace("_", "-"), summary, function, when))
        return function

    return register


def always(subject: Any) -> bool:
    """Any subject."""
    return True


def published(subject: Any) -> bool:
    """Methods and statements that have a spec."""
    return subject.spec is not None


def is_method(subject: Any) -> bool:
    """Methods."""
    return bool(subject.kind == "method")


def is_statement(subject: Any) -> bool:
    """Priors and constraints."""
    return bool(subject.kind != "method")


def is_published_statement(subject: Any) -> bool:
    """Priors and constraints that have a spec."""
    return is_statement(subject) and published(subject)


def is_prior(subject: Any) -> bool:
    """Priors."""
    return bool(subject.kind == "prior")


def is_constraint(subject: Any) -> bool:
    """Constraints."""
    return bool(subject.kind == "constraint")


def declares_trait(trait: str) -> Predicate:
    """Methods whose spec has a trait."""
    return lambda subject: is_method(subject) and trait in subject.spec.traits


def hosts_constraints(subject: Any) -> bool:
    """Methods that host constraints on variables of their own."""
    return is_method(subject) and bool(subject.spec.constraints)


def hosts_priors(subject: Any) -> bool:
    """Methods that host priors."""
    return is_method(subject) and bool(subject.spec.priors)
