"""``sepkit list``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from sepkit.cli.group import discover
from sepkit.cli.printing import print_json
from sepkit.plugin.described import described, tables
from sepkit.plugin.specs import LONGEST_NAME, OptionalSpec, Spec
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
    formatter = click.HelpFormatter(width=80)
    sections: dict[str, Sequence[Spec]] = {}
    for needs, methods in by_needs(registry.separators.values()).items():
        sections[f"Methods that need {needs}"] = methods
    sections |= {kind.capitalize(): specs for kind, specs in tables(registry).items() if kind != "methods"}
    for heading, specs in sections.items():
        with formatter.section(heading):
            formatter.write_dl([(spec.name, spec.summary) for spec in specs], col_max=LONGEST_NAME)
    lacking = [(spec.name, spec.remedy) for spec in _of_more_than_sepkit(sections) if spec.remedy]
    if lacking:
        with formatter.section("Listed, but what they need is not installed"):
            formatter.write_dl(lacking, col_max=LONGEST_NAME)
    click.echo(f"{formatter.getvalue()}\nWhat one of them needs, takes and gives: sepkit show NAME")


def _of_more_than_sepkit(sections: Mapping[str, Sequence[Spec]]) -> list[OptionalSpec]:
    return [spec for specs in sections.values() for spec in specs if isinstance(spec, OptionalSpec)]
