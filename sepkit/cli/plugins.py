"""``sepkit plugins``."""

from __future__ import annotations

from typing import Any

import click

from sepkit.cli.printing import print_json
from sepkit.errors import UnknownNameError
from sepkit.plugin.loader import PluginRecord
from sepkit.plugin.registry import Registry


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with tracebacks.")
@click.pass_context
def command(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Show every plugin with its state, or all about the plugin NAME, with its traceback."""
    records = Registry.discover(disabled=ctx.obj["disabled"], strict=False).plugins
    if name is not None:
        records = [record for record in records if record.name == name]
        if not records:
            raise UnknownNameError(f"no plugin '{name}' is installed; see: sepkit plugins")
    if as_json:
        print_json([_entry(record) for record in records])
        return
    for record in records:
        package = f"{record.distribution} {record.version}" if record.distribution else record.module
        specs = ", ".join(f"{spec.kind} {spec.name}" for spec in record.specs)
        click.echo(f"{record.name:<16} {record.state.value:<13} {package:<24} {specs or record.reason}")
        if name is not None and record.traceback:
            click.echo(f"\n{record.traceback}")


def _entry(record: PluginRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "state": record.state.value,
        "reason": record.reason,
        "traceback": record.traceback,
        "module": record.module,
        "distribution": record.distribution,
        "version": record.version,
        "publishes": [{"kind": spec.kind, "name": spec.name} for spec in record.specs],
    }
