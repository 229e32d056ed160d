"""Versions of the distributions whose code takes part in a result."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import re
from collections.abc import Iterable

import numpy as np

from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec, Spec
from sepkit.problem.statement import Statement
from sepkit.version import __version__

_REQUIREMENT = re.compile(r"\s*([\w.-]+)\s*(?:\[([^\]]*)\])?[^;]*(?:;(.*))?", re.DOTALL)
_OF_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)['\"]")


def versions_of(spec: SeparatorSpec, statements: Iterable[Statement], registry: Registry) -> dict[str, str]:
    """Versions of Python, sepkit, the distributions that a method and statements came with, and all that these need.

    What does not say its version, as in programs that are frozen, is left out.
    """
    origins = [registry.origin(one) for one in (spec, *specs_of(statements, registry))]
    published = {origin.distribution for origin in origins if origin is not None and origin.distribution}
    found = {name: version for one in ("sepkit", *published) for name, version in _with_needs(one, "").items()}
    known = {"python": platform.python_version(), "numpy": np.__version__, "sepkit": __version__}
    return {**known, **{name: found[name] for name in sorted(found.keys() - known.keys())}}


def specs_of(statements: Iterable[Statement], registry: Registry) -> list[Spec]:
    """The specs under which priors and constraints are published; those of a host's own have none."""
    tables = (registry.priors, registry.constraints)
    return [table[statement.name] for statement in statements for table in tables if statement.name in table]


@functools.cache
def _with_needs(name: str, extra: str) -> dict[str, str]:
    """The version of a distribution and those of what it needs, or one of its extras does."""
    try:
        distribution = importlib.metadata.distribution(name)
        found = {normal_name(name): distribution.version}
        requirements = [_REQUIREMENT.match(line) for line in distribution.requires or ()]
    # Metadata that somebody damaged is no reason to lose a result.
    except Exception:
        return {}
    for requirement in filter(None, requirements):
        needed, extras, marker = requirement.groups(default="")
        of_extra = _OF_EXTRA.search(marker)
        if (of_extra.group(1) if of_extra else "") == extra:
            for one in ("", *filter(None, map(str.strip, extras.split(",")))):
                found |= _with_needs(needed, one) if one else _version(needed)
    return found


def _version(name: str) -> dict[str, str]:
    try:
        return {normal_name(name): importlib.metadata.version(name)}
    except Exception:
        return {}


def normal_name(name: str) -> str:
    """The name of a distribution as all its spellings have it."""
    return re.sub(r"[-_.]+", "-", name).lower()
