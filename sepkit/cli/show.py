"""``sepkit show``."""

from __future__ import annotations

import json
from typing import Any

import click

from sepkit.cli.completing import names_of
from sepkit.cli.group import discover
from sepkit.cli.printing import console, print_json
from sepkit.plugin.described import named
from sepkit.plugin.specs import TRAITS, MetricSpec, OptionalSpec, SeparatorSpec, Spec, StatementSpec, TrainableSpec
from sepkit.problem.needs import in_words


@click.command()
@click.argument("name", shell_complete=names_of("separators", "priors", "constraints", "metrics", "datasets"))
@click.option("--schema", is_flag=True, help="Print the JSON Schema of its options.")
@click.pass_context
def command(ctx: click.Context, name: str, schema: bool) -> None:
    """Show what the method, prior, constraint, metric or dataset NAME does, and its options."""
    spec = named(discover(ctx), name)
    options = (spec.load_config() if isinstance(spec, SeparatorSpec) else spec.load()).model_json_schema()
    if schema:
        print_json(options)
        return
    click.echo(f"{spec.kind} {spec.name}: {spec.summary}\n")
    for title, text in _facts(spec):
        click.echo(f"  {title:<12} {text}")
    _print_options(options, f"given as {'--set ' if isinstance(spec, SeparatorSpec) else f'{spec.name}:'}NAME=VALUE")
    if isinstance(spec, TrainableSpec) and spec.trainer:
        training = spec.load_training().model_json_schema()
        _print_options(training, f"of its training, given to sepkit train {spec.name} as --set NAME=VALUE")


def _facts(spec: Spec) -> list[tuple[str, str]]:
    facts = [("reference", spec.reference)] if spec.reference else []
    if isinstance(spec, OptionalSpec):
        programs = (f"the program {program}" for program in spec.programs)
        facts.append(("needs", ", ".join(filter(None, [spec.extra, *programs])) or "nothing but sepkit"))
        if isinstance(spec, MetricSpec):
            facts += [
                ("figure", f"{one.name} ({one.unit or 'no unit'}): {one.definition}") for one in spec.load().figures
            ]
        return facts
    facts.append(("needs", ", ".join(map(in_words, spec.needs)) or "nothing but the mixture"))
    if isinstance(spec, StatementSpec):
        facts.append(("speaks of", ", ".join(map(str, spec.domains))))
        if spec.sources:
            facts.append(("knows", ", ".join(spec.sources)))
    if isinstance(spec, SeparatorSpec):
        if spec.uses:
            facts.append(("uses", f"{', '.join(spec.uses)}, where given"))
        rate = f"{spec.sample_rate} Hz" if spec.sample_rate else "any rate"
        channels = f"{spec.channels} channel(s)" if spec.channels else "any number of channels"
        facts.append(("separates", f"into {', '.join(spec.sources)}" if spec.sources else "into the sources asked for"))
        adapted = "; other mixtures are adapted" if spec.sample_rate or spec.channels else ""
        facts.append(("works at", f"{rate}, {channels}{adapted}"))
        facts.append(("priors", f"on {', '.join(map(str, spec.priors))}" if spec.priors else "none"))
        own = "".join(f"{domain}, " for domain in spec.constraints)
        facts.append(("constraints", f"on {own}waveforms (those by sepkit, at the end)"))
        facts += [("assumes", f"prior {text}") for text in spec.default_priors]
        facts += [("assumes", f"constraint {text}") for text in spec.default_constraints]
        facts += [("trait", f"{trait}: {TRAITS[trait]}") for trait in sorted(spec.traits)]
    return facts


def _print_options(schema: dict[str, Any], how: str) -> None:
    from rich.table import Table

    from sepkit.config import unit_of

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("option", "default", "values", "meaning"):
        table.add_column(column, no_wrap=column == "option")
    for name, option in schema.get("properties", {}).items():
        default = "required" if name in schema.get("required", ()) else json.dumps(option.get("default", {}))
        table.add_row(
            name, f"{default} {unit_of(name)}".strip(), _values(option, schema), option.get("description", "")
        )
    if table.row_count:
        click.echo(f"\noptions, {how}\n")
        console().print(table)
    else:
        click.echo("\nno options")


def _values(option: dict[str, Any], schema: dict[str, Any]) -> str:
    """What an option may be, in a few words."""
    if "$ref" in option:
        return _values(schema["$defs"][option["$ref"].rsplit("/", 1)[-1]], schema)
    if "anyOf" in option:
        return " or ".join(_values(choice, schema) for choice in option["anyOf"])
    if "enum" in option:
        return ", ".join(map(str, option["enum"]))
    if option.get("format") == "path":
        return "path"
    if option.get("type") == "object":
        return f"NAME: {_values(option.get('additionalProperties', {}), schema)}"
    bounds = [
        f"{sign} {option[key]:g}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in option
    ]
    words = {"integer": "whole number", "null": "none"}
    return " ".join([words.get(option.get("type", ""), option.get("type", "anything")), *bounds])
