"""Checks of what priors and constraints have in common once they are bound to axes."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom, Layout
from sepkit.problem.needs import kinds
from sepkit.problem.prior import Smoothed
from sepkit.testing.check import check, is_statement
from sepkit.testing.material import value_of, with_labels_of_everything
from sepkit.testing.outcome import CheckFailed, Skipped, require
from sepkit.testing.statement_subject import StatementSubject

_SCALES = (1e-3, 1.0, 1e3)

Functions = dict[str, Callable[[Any], Any]]
"""What a bound statement does to a value, by the method's name."""


def bound(subject: StatementSubject, *, tiny: bool = False, seed: int = 0) -> Iterator[tuple[Domain, Any, Any]]:
    """The statement on each of its domains, bound to small axes, with a plausible value."""
    layout = subject.layout(tiny=tiny)
    try:
        binds_to_its_domains(subject)
    except Exception as error:
        raise Skipped("it cannot be bound; see check 'binds-to-its-domains'") from error
    for domain in subject.domains:
        one = subject.config.bind(layout, domain)  # type: ignore[attr-defined]
        yield domain, one, value_of(domain, layout, seed)


@check(when=is_statement)
def binds_to_its_domains(subject: StatementSubject) -> None:
    """The statement can be bound to each variable that it speaks of, with what its interface asks for."""
    require(subject.domains, "it speaks of no domain; name at least one in `domains`")
    for domain in subject.domains:
        one = subject.config.bind(subject.layout(), domain)  # type: ignore[attr-defined]
        wanted: tuple[str, ...] = ("project", "violation")
        if subject.kind == "prior":
            # What was learned as the score of a smoothed density has nothing else.
            wanted = ("gradient",) if isinstance(one, Smoothed) else ("log_prob", "gradient")
        missing = [name for name in wanted if not callable(getattr(one, name, None))]
        require(not missing, f"bound to {domain} it has no {' and '.join(missing)}; give {type(one).__name__} them")


@check(when=is_statement)
def binds_to_the_smallest_axes(subject: StatementSubject) -> None:
    """One source, one sample, one frame, one bin and one atom are enough."""
    for domain, one, value in bound(subject, tiny=True):
        for name, function in _functions(one).items():
            result = np.asarray(function(value))
            require(np.isfinite(result).all(), f"{name} of one value of {domain} is {result}; guard divisions by zero")


@check(when=is_statement)
def says_something_or_why_not(subject: StatementSubject) -> None:
    """Where a statement moves, or prefers, no value at all, its `vacuous` gives a reason in one line."""
    known = subject.layout()
    blind = replace(known, atoms=(Atom(),) * len(known.atoms or ()))
    for domain in subject.domains:
        reason = _reason(subject, known, domain, "ordinary axes")
        require(reason is None, f"on {domain} it can say nothing of ordinary axes: {reason}")
        others = [(blind, "atoms of which nothing is known")] if "atoms" in domain.axes else []
        if "labels" in kinds(subject.config.needs):
            others.append((with_labels_of_everything(known), "labels by which everybody sounds all the time"))
        if not others or not _says_something(subject, known, domain):
            continue
        for layout, axes in others:
            require(
                _reason(subject, layout, domain, axes) is not None or _says_something(subject, layout, domain),
                f"on {domain} with {axes} it moves no value; let `vacuous` say why, and what to do",
            )


def _reason(subject: StatementSubject, layout: Layout, domain: Domain, axes: str) -> str | None:
    reason = subject.config.vacuous(layout, domain)
    require(
        reason is None or (isinstance(reason, str) and reason.strip() and "\n" not in reason),
        f"on {domain} with {axes} `vacuous` gives {reason!r}; give a reason in one line, or None",
    )
    return reason


def _says_something(subject: StatementSubject, layout: Layout, domain: Domain) -> bool:
    one = subject.config.bind(layout, domain)  # type: ignore[attr-defined]
    return any(_says(one, scale * value_of(domain, layout, seed)) for seed in range(3) for scale in _SCALES)


def _says(one: Any, value: NDArray[Any]) -> bool:
    """Whether a bound statement makes a difference to a value."""
    if hasattr(one, "project"):
        return bool(np.any(np.asarray(one.project(value)) != value))
    return bool(np.any(np.asarray(one.gradient(value)) != 0))


@check(when=is_statement)
def statement_input_is_untouched(subject: StatementSubject) -> None:
    """No method changes the value that it is given, nor hands out the very same array."""
    for domain, one, value in bound(subject):
        for name, function in _functions(one).items():
            before = value.copy()
            result = function(value)
            require(
                np.array_equal(value, before), f"{name} changes the value of {domain} it is given; make a new array"
            )
            require(
                not (isinstance(result, np.ndarray) and np.shares_memory(result, value)),
                f"{name} on {domain} hands out the array that it was given; make a new one",
            )


@check(when=is_statement)
def type_and_shape_are_kept(subject: StatementSubject) -> None:
    """NumPy comes out as NumPy, in the type and shape that went in."""
    for domain, one, plain in bound(subject):
        for dtype in (np.float32, np.float64):
            value = plain.astype(dtype)
            for name, function in _functions(one).items():
                result = function(value)
                if name in ("log_prob", "violation"):
                    require(
                        np.ndim(result) == 0 and np.isfinite(float(result)),
                        f"{name} on {domain} gives {result!r}; give one finite number",
                    )
                else:
                    for part in result if isinstance(result, tuple) else (result,):
                        _require_alike(name, domain, part, value)


@check(when=is_statement)
def statement_is_deterministic(subject: StatementSubject) -> None:
    """Equal values give equal results, in any order of calls."""
    for (domain, one, value), (_, _, other) in zip(bound(subject), bound(subject, seed=1), strict=True):
        for name, function in _functions(one).items():
            first = _copied(function(value))
            function(other)
            again = function(value)
            require(
                all(np.array_equal(a, b) for a, b in zip(_copied(again), first, strict=True)),
                f"{name} on {domain} gives other results for an equal value; keep no state and draw nothing",
            )


@check(when=is_statement)
def takes_torch_tensors(subject: StatementSubject) -> None:
    """Torch tensors come out as torch tensors, with the same numbers, and gradients flow through."""
    if importlib.util.find_spec("torch") is None:
        raise Skipped("torch is not installed")
    import torch

    for domain, one, plain in bound(subject):
        value = plain.astype(np.float32)
        for name, function in _functions(one).items():
            tensor = torch.tensor(value, requires_grad=True)
            try:
                result = function(tensor)
            except Exception as error:
                raise CheckFailed(
                    f"{name} on {domain} fails with {type(error).__name__} for a torch tensor: {error}; use "
                    "array_api_compat.array_namespace"
                ) from error
            expected = function(value)
            if name == "violation":
                parts = [(float(result), float(expected))]
            else:
                pairs = zip(_parts(result), _parts(expected), strict=True)
                parts = []
                for part, number in pairs:
                    require(
                        isinstance(part, torch.Tensor),
                        f"{name} on {domain} gives {type(part).__name__} for a torch tensor; use "
                        "array_api_compat.array_namespace",
                    )
                    parts.append((part.detach().cpu().numpy(), number))
            for found, wanted in parts:
                require(
                    np.allclose(found, wanted, rtol=1e-3, atol=1e-4 * float(np.max(np.abs(wanted), initial=1e-30))),
                    f"{name} on {domain} gives other numbers for a torch tensor than for NumPy",
                )
            if name in ("project", "log_prob"):
                require(
                    result.requires_grad, f"{name} on {domain} cuts torch's gradient; compute with tensors throughout"
                )


@check(when=is_statement)
def statement_survives_pickling(subject: StatementSubject) -> None:
    """A pickled copy does what the statement does."""
    statement = subject.config
    try:
        copy = pickle.loads(pickle.dumps(statement))
    except Exception as error:
        raise Skipped("it does not pickle; see check 'config-pickles'") from error
    layout = subject.layout()
    for domain, one, value in bound(subject):
        theirs = _functions(copy.bind(layout, domain))
        for name, function in _functions(one).items():
            require(
                all(np.array_equal(a, b) for a, b in zip(_copied(theirs[name](value)), _copied(function(value)))),  # noqa: B905
                f"{name} on {domain} of a pickled copy gives other results; keep all that matters in fields",
            )


def _functions(one: Any) -> Functions:
    names = ("log_prob", "gradient", "split_gradient", "project", "violation")
    return {name: getattr(one, name) for name in names if callable(getattr(one, name, None))}


def _parts(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _copied(result: Any) -> list[NDArray[Any]]:
    return [np.array(part) for part in _parts(result)]


def _require_alike(name: str, domain: Domain, result: Any, value: NDArray[Any]) -> None:
    require(
        isinstance(result, np.ndarray) and result.shape == value.shape and result.dtype == value.dtype,
        f"{name} on {domain} gives {_described(result)} for {_described(value)}; give back the same kind",
    )


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return type(value).__name__
