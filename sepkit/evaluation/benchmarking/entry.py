"""Entries: the rows of a benchmark, each a method with the options that it is run with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue

from sepkit.config import Config, validate
from sepkit.errors import ConfigError, MismatchError, WeightsError
from sepkit.plugin.registry import BUILTIN, Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.plugin.store import chosen_weights
from sepkit.problem.needs import NEEDS
from sepkit.solving.declare import declared_constraints, declared_priors
from sepkit.solving.negotiation import Task, mismatches

BASELINES = ("mixture", "silence", "harmonic-comb")
ORACLES = ("ideal-binary-mask", "ideal-ratio-mask", "ideal-wiener-filter")


class Entry(Config):
    """A method as a benchmark runs it.

    Examples
    --------
    >>> from sepkit.evaluation.benchmarking.entry import Entry
    >>> Entry(label="nmf-kl", method="nmf", config={"beta": 1}, priors=("sparsity:weight=2",)).label
    'nmf-kl'
    """

    label: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._+=-]*$",
        max_length=60,
        description="Its name in the report, of letters, digits and . _ + = -",
    )
    method: str = Field(description="Name of an installed method.")
    config: dict[str, JsonValue] = Field({}, description="Options of the method.")
    priors: tuple[str, ...] = Field((), description="Each as name or name:key=value,...")
    constraints: tuple[str, ...] = Field((), description="Each as name or name:key=value,...; applied in order.")
    weights: Path | None = Field(None, description="Folder of trained weights, or the name of published ones.")
    permute: bool | None = Field(
        None, description="Whether stems are assigned to references; by default if the method gives them in no order."
    )


def plain_entry(method: str) -> Entry:
    """A method with its default options, under its own name.

    Raises
    ------
    ConfigError
    """
    return validate(Entry, {"label": method, "method": method}, f"entry '{method}'")


def entries_named(names: Iterable[str], configurations: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The entries of some names, each of a configuration or else of a method with its default options.

    Parameters
    ----------
    names : iterable of str
    configurations : mapping of str to mapping
        By name: ``method`` and, where wanted, the other fields of an `Entry`.

    Raises
    ------
    ConfigError
    """
    return tuple(
        _configured(name, configurations[name]) if name in configurations else plain_entry(name) for name in names
    )


def with_companions(asked: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """What was asked for, and after it the baselines and oracles that every table has."""
    there = {entry.label for entry in asked}
    return (*asked, *(plain_entry(name) for name in (*BASELINES, *ORACLES) if name not in there))


def check_entries(entries: tuple[Entry, ...], registry: Registry) -> None:
    """Find every mistake in what was asked for before any work is done.

    Raises
    ------
    ConfigError, UnknownNameError, WeightsError, PluginError
    MismatchError
        If no track whatever could make the method fit.
    """
    if not entries:
        raise ConfigError("a benchmark needs at least one method")
    twice = [label for label, count in Counter(entry.label.casefold() for entry in entries).items() if count > 1]
    if twice:
        raise ConfigError(f"entries of a benchmark need distinct names, given {', '.join(twice)} more than once")
    for entry in entries:
        if entry.label in registry.separators and entry != plain_entry(entry.label):
            raise ConfigError(f"'{entry.label}' is the name of a method; give the configuration another")
        spec = registry.separator(entry.method)
        origin = registry.origin(spec)
        if origin is None or (origin.package is None and origin.name != BUILTIN):
            raise ConfigError(f"a benchmark runs in processes of its own: method '{spec.name}' needs to be installed")
        validate(spec.load_config(), entry.config, f"entry '{entry.label}'")
        try:
            chosen_weights(entry.weights, spec)
        except WeightsError as error:
            raise WeightsError(f"entry '{entry.label}': {error}") from error
        reasons = mismatches(spec, _best_case(entry, spec, registry))
        if reasons:
            raise MismatchError(spec.name, reasons)


def role(entry: Entry, registry: Registry) -> str:
    """``"oracle"`` for what is given the true stems, ``"baseline"`` for what anybody could do, else nothing."""
    spec = registry.separator(entry.method)
    if "references" in spec.needs:
        return "oracle"
    return "baseline" if "yardstick" in spec.traits else ""


def permutes(entry: Entry, registry: Registry) -> bool:
    """Whether stems are assigned to the references that they are most like."""
    if entry.permute is None:
        return "arbitrary-names" in registry.separator(entry.method).traits
    return entry.permute


def _best_case(entry: Entry, spec: SeparatorSpec, registry: Registry) -> Task:
    """What is asked of the method on a track of which everything is known."""
    of_the_track = frozenset(NEEDS) - {"examples", "weights"}
    return Task(
        given=of_the_track | {"weights"} if entry.weights else of_the_track,
        priors=declared_priors(entry.priors, registry),
        constraints=declared_constraints(entry.constraints, registry),
        device="auto",
    )


def _configured(name: str, fields: Any) -> Entry:
    if not isinstance(fields, Mapping) or "method" not in fields:
        raise ConfigError(f'configuration \'{name}\' needs to be an object like {{"method": "nmf"}}, given {fields!r}')
    return validate(Entry, {**fields, "label": name}, f"configuration '{name}'")
