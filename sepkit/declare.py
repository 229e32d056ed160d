"""Priors, constraints, metrics and datasets written as text: ``name`` or ``name:key=value,key=value``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sepkit.config import Config, validate
from sepkit.constraint import Constraint
from sepkit.errors import ConfigError, DatasetError
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import Spec
from sepkit.prior import Prior

if TYPE_CHECKING:
    from sepkit.evaluation.dataset import Dataset
    from sepkit.evaluation.metric import Metric

S = TypeVar("S", bound=Config)

_BETWEEN_OPTIONS = re.compile(r",(?=[^,=]*=|\s*$)")
"""Commas before a ``key=``; others belong to a value, such as a list."""


def declared_priors(given: Iterable[Prior | str], registry: Registry) -> tuple[Prior, ...]:
    """Priors, with those given as text looked up in `registry`.

    Raises
    ------
    UnknownNameError, ConfigError
    """
    return tuple(_declared(one, Prior, registry.prior) for one in _several(given, "priors"))


def declared_constraints(given: Iterable[Constraint | str], registry: Registry) -> tuple[Constraint, ...]:
    """Constraints, with those given as text looked up in `registry`.

    Raises
    ------
    UnknownNameError, ConfigError
    """
    return tuple(_declared(one, Constraint, registry.constraint) for one in _several(given, "constraints"))


def declared_metrics(given: Iterable[Metric | str], registry: Registry) -> tuple[Metric, ...]:
    """Metrics, with those given as text looked up in `registry`.

    Raises
    ------
    UnknownNameError, ConfigError
    """
    from sepkit.evaluation.metric import Metric

    return tuple(_declared(one, Metric, registry.metric) for one in _several(given, "metrics"))


def declared_dataset(given: Dataset | Path | str, registry: Registry) -> Dataset:
    """A dataset, looked up in `registry` when given as text; a path stands for ``folder:path=...``.

    Raises
    ------
    UnknownNameError, ConfigError, DatasetError
    """
    from sepkit.evaluation.dataset import Dataset

    if isinstance(given, Path) or (isinstance(given, str) and given.partition(":")[0] not in registry.datasets):
        path = Path(given)
        if path.is_dir():
            spec = registry.dataset("folder")
            folder: Dataset = validate(spec.load(), {"path": path}, f"{spec.kind} '{spec.name}'")
            return folder
        if isinstance(given, Path) or path.name != given.partition(":")[0]:
            raise DatasetError(f"no such folder or dataset: {given}; the datasets are {', '.join(registry.datasets)}")
    return _declared(given, Dataset, registry.dataset)


def parse_value(text: str) -> Any:
    """A value of an option as typed at a terminal: JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _declared(one: S | str, base: type, find: Callable[[str], Spec]) -> S:
    if not isinstance(one, str):
        if not isinstance(one, base):
            raise ConfigError(f"a {base.__name__.lower()} is an object or text like 'name:key=value', given {one!r}")
        return one
    name, _, rest = one.partition(":")
    options = {}
    for pair in filter(str.strip, _BETWEEN_OPTIONS.split(rest)):
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"'{one}': options are written key=value and separated by commas, given '{pair}'")
        options[key.strip()] = parse_value(value.strip())
    spec = find(name)
    declared: S = validate(spec.load(), options, f"{spec.kind} '{name}'")
    return declared


def _several(given: Iterable[S | str], what: str) -> Iterable[S | str]:
    if isinstance(given, (str, Config)):
        raise ConfigError(f"{what} needs a list, given the one value {given!r}; write [{given!r}]")
    return given
