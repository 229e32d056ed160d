"""Statements written as text: ``name`` or ``name:key=value,key=value``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sepkit.config import Config, Typed, validate
from sepkit.errors import ConfigError
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import Spec, TrainableSpec
from sepkit.plugin.store import chosen_weights
from sepkit.problem.constraint import Constraint
from sepkit.problem.prior import Prior

S = TypeVar("S", bound=Config)

_BETWEEN_OPTIONS = re.compile(r",(?=[^,=]*=|\s*$)")
"""Commas before a ``key=``; others belong to a value, such as a list."""


def declared_priors(given: Iterable[Prior | str], registry: Registry) -> tuple[Prior, ...]:
    """Priors, with those given as text looked up in `registry`.

    Raises
    ------
    UnknownNameError, ConfigError
    """
    return tuple(declared(one, Prior, registry.prior) for one in several(given, "priors"))


def declared_constraints(given: Iterable[Constraint | str], registry: Registry) -> tuple[Constraint, ...]:
    """Constraints, with those given as text looked up in `registry`.

    Raises
    ------
    UnknownNameError, ConfigError
    """
    return tuple(declared(one, Constraint, registry.constraint) for one in several(given, "constraints"))


def declared(one: S | str, base: type, find: Callable[[str], Spec]) -> S:
    """`one`, made from its text where it is text.

    Parameters
    ----------
    one : Config or str
    base : type
        What it has to be.
    find : callable
        Gives the spec of a name.

    Raises
    ------
    UnknownNameError, ConfigError, WeightsError
    """
    if not isinstance(one, str):
        if not isinstance(one, base):
            raise ConfigError(f"a {base.__name__.lower()} is an object or text like 'name:key=value', given {one!r}")
        return one
    name, _, rest = one.partition(":")
    options: dict[str, Any] = {}
    for pair in filter(str.strip, _BETWEEN_OPTIONS.split(rest)):
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"'{one}': options are written key=value and separated by commas, given '{pair}'")
        if key.strip() in options:
            raise ConfigError(f"'{one}' gives '{key.strip()}' twice; give it once")
        options[key.strip()] = Typed(value.strip())
    spec = find(name)
    if (
        isinstance(spec, TrainableSpec)
        and spec.weights
        and isinstance(weights := options.get("weights", Typed("null")).value, str)
    ):
        options["weights"] = chosen_weights(weights, spec)
    declared: S = validate(spec.load(), options, f"{spec.kind} '{name}'")
    return declared


def several(given: Iterable[S | str], what: str) -> Iterable[S | str]:
    """`given`, which has to be a list and no single value; raises `ConfigError`."""
    if isinstance(given, (str, Config)):
        raise ConfigError(f"{what} needs a list, given the one value {given!r}; write [{given!r}]")
    return given
