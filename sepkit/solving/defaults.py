"""Default statements: what a method assumes unless the caller says it in other words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeVar

from sepkit.config import Config
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.constraint import Constraint
from sepkit.problem.needs import unmet
from sepkit.problem.prior import Prior
from sepkit.problem.statement import Statement
from sepkit.solving.declare import declared_constraints, declared_priors

S = TypeVar("S", bound=Statement)


def default_priors(
    spec: SeparatorSpec, config: Config, registry: Registry, declared: Iterable[Prior], given: Collection[str]
) -> tuple[Prior, ...]:
    """The priors that a method assumes beside those declared.

    Parameters
    ----------
    spec : SeparatorSpec
    config : Config
        The method's; its values stand for ``{option}`` in the texts. One that is None leaves the statement's default.
    registry : Registry
    declared : iterable of Prior
        One of the same name takes the place of a default.
    given : collection of str
        What the caller gives; defaults whose needs it does not meet are left out.

    Raises
    ------
    UnknownNameError, ConfigError
        If a text makes no prior.
    """
    return _assumed(declared_priors(_filled(spec.default_priors, config), registry), declared, given)


def default_constraints(
    spec: SeparatorSpec, config: Config, registry: Registry, declared: Iterable[Constraint], given: Collection[str]
) -> tuple[Constraint, ...]:
    """The constraints that a method assumes beside those declared; parameters are those of `default_priors`."""
    return _assumed(declared_constraints(_filled(spec.default_constraints, config), registry), declared, given)


def _filled(texts: Iterable[str], config: Config) -> list[str]:
    options = config.model_dump(mode="json")
    unset = tuple(f"={{{name}}}" for name, value in options.items() if value is None)
    filled = []
    for text in texts:
        name, _, rest = text.partition(":")
        said = ",".join(part for part in rest.split(",") if not part.endswith(unset))
        filled.append(f"{name}:{said.format_map(options)}" if said else name)
    return filled


def _assumed(defaults: Iterable[S], declared: Iterable[Statement], given: Collection[str]) -> tuple[S, ...]:
    names = {statement.name for statement in declared}
    return tuple(one for one in defaults if one.name not in names and not unmet(one.needs, given))
