"""All that a result depends on: recordings, options, weights, versions and code; by contents, not by dates."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from sepkit.config import Config, validate
from sepkit.errors import ConfigError
from sepkit.evaluation.benchmarking.entry import Entry
from sepkit.evaluation.dataset import Track
from sepkit.plugin.registry import Registry
from sepkit.plugin.store import chosen_weights
from sepkit.solving.declare import declared_constraints, declared_priors
from sepkit.solving.digests import digest_file, digest_folder, digest_path, digest_paths
from sepkit.solving.versions import normal_name, versions_of
from sepkit.solving.weights_used import weights_used

_NO_PART_IN_FIGURES = frozenset({"cli", "plots", "scaffold", "testing", "training"})
"""Folders of sepkit."""


def of_track(track: Track) -> dict[str, Any]:
    """Everything that is known about a recording, by the digests of its files.

    Of what a callable makes, the files count that a `functools.partial` gives it as paths. What it makes of nothing but
    options is for the dataset's options and code to tell.
    """
    return {field.name: _known(getattr(track, field.name)) for field in fields(track)}


def of_entry(entry: Entry, registry: Registry) -> dict[str, Any]:
    """A method with its options: the files that they name, its weights, and the versions and code that take part.

    Raises
    ------
    ConfigError
        If a file that an option names cannot be read.
    """
    spec = registry.separator(entry.method)
    options = validate(spec.load_config(), entry.config, f"entry '{entry.label}'")
    priors = declared_priors(entry.priors, registry)
    statements = [*priors, *declared_constraints(entry.constraints, registry)]
    versions = versions_of(spec, statements, registry)
    plugins = {
        record.module.partition(".")[0]
        for record in registry.plugins
        if record.distribution and normal_name(record.distribution) in versions
    }
    named = {f"{number} {statement.name}": statement for number, statement in enumerate(statements)}
    return {
        "entry": entry.model_dump(mode="json"),
        "weights": weights_used(spec, chosen_weights(entry.weights, spec), priors, registry),
        "files": digest_paths({entry.method: options, **named}),
        "versions": versions,
        "code": {name: _code(name) for name in sorted({"sepkit", *plugins})},
    }


def of_classes(made: Iterable[Config]) -> list[str | None]:
    """The code of datasets or metrics: the digests of the packages that their classes come from, helpers and all."""
    return [_code(type(one).__module__.partition(".")[0]) for one in made]


def _known(value: Any) -> Any:
    """`value` as plain types, with digests for files."""
    if isinstance(value, Path):
        return _file(value)
    if isinstance(value, functools.partial):
        return [_known(one) for one in _paths((value.args, value.keywords))]
    if isinstance(value, Mapping):
        # Pairs, for the order of sources counts.
        return [[str(key), _known(one)] for key, one in value.items()]
    return value if isinstance(value, str) else None


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        yield from _paths(tuple(value.values()))
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _paths(one)


def _file(path: Path) -> str | None:
    """None for what cannot be read: the job will fail, and so be done again."""
    try:
        return digest_path(path)
    except ConfigError:
        return None


@functools.cache
def _code(package: str) -> str | None:
    """Of what is in a package beside bytecode; once a process, which has imported it as it was."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    if not spec.submodule_search_locations:
        return digest_file(Path(spec.origin))
    return digest_folder(
        Path(os.path.abspath(spec.submodule_search_locations[0])),
        without=_NO_PART_IN_FIGURES if package == "sepkit" else frozenset(),
    )
