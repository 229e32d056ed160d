"""What a spec says of itself, as plain types for JSON."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import MetricSpec, OptionalSpec, SeparatorSpec, Spec, StatementSpec, TrainableSpec


def tables(registry: Registry) -> dict[str, list[Spec]]:
    """The specs of every kind, in the order of their names."""
    kinds: dict[str, dict[str, Any]] = {
        "methods": registry.separators,
        "priors": registry.priors,
        "constraints": registry.constraints,
        "metrics": registry.metrics,
        "datasets": registry.datasets,
    }
    return {kind: [table[name] for name in sorted(table)] for kind, table in kinds.items()}


def named(registry: Registry, name: str) -> Spec:
    """What is published under a name, whatever kind it is of.

    Raises
    ------
    UnknownNameError
    """
    finders: dict[Callable[[str], Spec], Iterable[str]] = {
        registry.separator: registry.separators,
        registry.prior: registry.priors,
        registry.constraint: registry.constraints,
        registry.metric: registry.metrics,
        registry.dataset: registry.datasets,
    }
    having = [find for find, names in finders.items() if name in names]
    # What knows a near name complains most helpfully.
    near = [find for find, names in finders.items() if difflib.get_close_matches(name, names)]
    return [*having, *near, registry.separator][0](name)


def described(registry: Registry, spec: Spec) -> dict[str, Any]:
    """What a spec says, and which plugin it is of."""
    origin = registry.origin(spec)
    entry: dict[str, Any] = {
        "name": spec.name,
        "summary": spec.summary,
        "reference": spec.reference,
        "needs": list(spec.needs),
        "plugin": origin.name if origin else None,
    }
    if isinstance(spec, SeparatorSpec):
        entry |= {
            "uses": list(spec.uses),
            "priors": [str(domain) for domain in spec.priors],
            "constraints": [str(domain) for domain in spec.constraints],
            "sources": list(spec.sources),
            "sample_rate": spec.sample_rate,
            "channels": spec.channels,
            "traits": sorted(spec.traits),
        }
    elif isinstance(spec, StatementSpec):
        entry["domains"] = [str(domain) for domain in spec.domains]
        entry |= {"sources": list(spec.sources), "sample_rate": spec.sample_rate}
    elif isinstance(spec, OptionalSpec):
        entry |= {"extra": spec.extra, "available": spec.available}
        if isinstance(spec, MetricSpec):
            entry["figures"] = list(spec.figures)
    if isinstance(spec, TrainableSpec):
        entry["can_be_trained"] = bool(spec.trainer)
    return entry
