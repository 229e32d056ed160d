"""``sepkit list``."""

from __future__ import annotations

from typing import Any

import click

from sepkit.cli.group import discover
from sepkit.cli.printing import print_json
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import MetricSpec, OptionalSpec, SeparatorSpec, Spec, StatementSpec, TrainableSpec
from sepkit.problem.needs import in_words


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List methods, priors, constraints, metrics and datasets that are installed."""
    registry = discover(ctx)
    tables: dict[str, dict[str, Any]] = {
        "methods": registry.separators,
        "priors": registry.priors,
        "constraints": registry.constraints,
        "metrics": registry.metrics,
        "datasets": registry.datasets,
    }
    if as_json:
        listing = {kind: [_entry(registry, spec) for spec in _sorted(table)] for kind, table in tables.items()}
        print_json(listing)
        return
    formatter = click.HelpFormatter(width=100)
    for kind, table in tables.items():
        with formatter.section(kind.capitalize()):
            formatter.write_dl([(spec.name, _line(spec)) for spec in _sorted(table)])
    click.echo(formatter.getvalue(), nl=False)


def _sorted(table: dict[str, Any]) -> list[Any]:
    return [table[name] for name in sorted(table)]


def _line(spec: Spec) -> str:
    notes = [f"needs {', '.join(map(in_words, spec.needs))}"] if spec.needs else []
    if isinstance(spec, SeparatorSpec):
        if spec.sources:
            notes.append(f"gives {_words(spec.sources)}")
        if spec.priors:
            notes.append(f"takes priors on {_words(spec.priors)}")
        if spec.constraints:
            notes.append(f"constraints on {_words(spec.constraints)}")
    elif isinstance(spec, StatementSpec):
        notes.append(f"on {_words(spec.domains)}")
        if spec.sources:
            notes.append(f"knows {_words(spec.sources)}")
    if isinstance(spec, TrainableSpec) and spec.trainer:
        notes.append("can be trained")
    if isinstance(spec, OptionalSpec):
        if isinstance(spec, MetricSpec):
            notes.append(f"gives {_words(spec.figures)}")
        if spec.remedy:
            notes.append(f"not installed: {spec.remedy}")
    return f"{spec.summary} ({'; '.join(notes)})" if notes else spec.summary


def _words(items: Any) -> str:
    return ", ".join(map(str, items))


def _entry(registry: Registry, spec: Spec) -> dict[str, Any]:
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
