"""``sepkit list``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from sepkit.cli.group import discover
from sepkit.cli.printing import print_json
from sepkit.plugin.described import described, tables
from sepkit.plugin.specs import MetricSpec, OptionalSpec, SeparatorSpec, Spec, StatementSpec, TrainableSpec
from sepkit.problem.needs import in_words
from sepkit.solving.suggesting import by_needs


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List methods, priors, constraints, metrics and datasets that are installed."""
    registry = discover(ctx)
    if as_json:
        print_json({kind: [described(registry, spec) for spec in specs] for kind, specs in tables(registry).items()})
        return
    formatter = click.HelpFormatter(width=100)
    sections: dict[str, Sequence[Spec]] = {}
    for needs, methods in by_needs(registry.separators.values()).items():
        sections[f"Methods that need {needs}"] = methods
    sections |= {kind.capitalize(): specs for kind, specs in tables(registry).items() if kind != "methods"}
    for heading, specs in sections.items():
        with formatter.section(heading):
            formatter.write_dl([(spec.name, _line(spec)) for spec in specs])
    click.echo(formatter.getvalue(), nl=False)


def _line(spec: Spec) -> str:
    notes = []
    if isinstance(spec, SeparatorSpec):
        if spec.sources:
            notes.append(f"gives {_words(spec.sources)}")
        if spec.priors:
            notes.append(f"takes priors on {_words(spec.priors)}")
        if spec.constraints:
            notes.append(f"constraints on {_words(spec.constraints)}")
    elif spec.needs:
        notes.append(f"needs {', '.join(map(in_words, spec.needs))}")
    if isinstance(spec, StatementSpec):
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
