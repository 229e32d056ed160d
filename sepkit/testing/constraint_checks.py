"""Checks of constraints: that projections project, and violations measure what they move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.problem.constraint import Pointwise, Support
from sepkit.testing.check import check, is_constraint
from sepkit.testing.outcome import Skipped, require
from sepkit.testing.statement_checks import bound
from sepkit.testing.statement_subject import StatementSubject

_TOLERANCE = 1e-6
_SEEDS = range(3)


@check(when=is_constraint)
def projection_is_idempotent(subject: StatementSubject) -> None:
    """Projecting twice is projecting once."""
    for seed in _SEEDS:
        for domain, projection, value in bound(subject, seed=seed):
            once = np.asarray(projection.project(value))
            again = np.asarray(projection.project(once))
            moved = _distance(again, once, value)
            require(moved <= _TOLERANCE, f"projecting again on {domain} moves the value by {moved:.2g} of its size")


@check(when=is_constraint)
def violation_vanishes_by_projection(subject: StatementSubject) -> None:
    """After projection nothing is violated."""
    for seed in _SEEDS:
        for domain, projection, value in bound(subject, seed=seed):
            left = float(projection.violation(projection.project(value)))
            require(
                abs(left) <= _TOLERANCE, f"after projection on {domain} the violation is {left:.2g}; it needs to be 0"
            )


@check(when=is_constraint)
def violation_sees_what_projection_moves(subject: StatementSubject) -> None:
    """The violation is never negative, and positive where projecting changes the value."""
    for seed in _SEEDS:
        for domain, projection, value in bound(subject, seed=seed):
            before = float(projection.violation(value))
            require(before >= 0, f"the violation on {domain} is {before:.2g}; it needs to be 0 or more")
            moved = _distance(np.asarray(projection.project(value)), value, value)
            require(
                before > 0 or moved <= _TOLERANCE,
                f"projecting on {domain} moves a value by {moved:.2g} of its size whose violation is 0",
            )


@check(when=is_constraint)
def support_is_the_projection(subject: StatementSubject) -> None:
    """Where there is a `support`, projecting sets what lies outside to zero and does no more."""
    tried = False
    for domain, projection, value in bound(subject):
        projected = np.asarray(projection.project(value))
        if not isinstance(projection, Support):
            continue
        tried = True
        support = np.asarray(projection.support)
        require(
            support.dtype == np.bool_ and support.shape == value.shape,
            f"the support on {domain} is {support.dtype} of shape {support.shape}; give booleans of {value.shape}",
        )
        require(
            np.array_equal(projected, np.where(support, value, 0)),
            f"projecting on {domain} does not just set to zero what is outside its support; have no `support` then",
        )
    if not tried:
        raise Skipped("it is no support")


@check(when=is_constraint)
def parts_are_the_whole(subject: StatementSubject) -> None:
    """Where there is a `part`, projecting piece by piece is projecting the whole."""
    tried = False
    for domain, projection, value in bound(subject):
        whole = np.asarray(projection.project(value))
        if not isinstance(projection, Pointwise) or value.shape[-1] < 2:
            continue
        tried = True
        middle = value.shape[-1] // 2
        pieces = [
            np.asarray(projection.part(piece).project(value[..., piece]))
            for piece in (slice(middle), slice(middle, None))
        ]
        moved = _distance(np.concatenate(pieces, axis=-1), whole, value)
        require(
            moved <= _TOLERANCE,
            f"on {domain} two halves differ from the whole by {moved:.2g} of the value's size; have no `part` then",
        )
    if not tried:
        raise Skipped("it takes no parts")


def _distance(one: NDArray[np.floating], other: NDArray[np.floating], value: NDArray[np.floating]) -> float:
    """How far apart two values are, relative to a third."""
    return float(np.linalg.norm(one - other)) / max(float(np.linalg.norm(value)), 1e-30)
