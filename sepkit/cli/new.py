"""``sepkit new``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from sepkit.cli.group import discover
from sepkit.errors import ConfigError
from sepkit.files import new_folder
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import Spec
from sepkit.scaffold.render import SUMMARIES, render

_USE = {
    "separator": "sepkit run {name} song.wav -o out",
    "prior": "sepkit run nmf song.wav -o out --sources a,b --prior {name}",
    "constraint": "sepkit run nmf song.wav -o out --sources a,b --constraint {name}",
}


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(list(SUMMARIES)),
    default="separator",
    show_default=True,
    help="What the plugin publishes.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write.  [default: ./sepkit-NAME]")
@click.pass_context
def command(ctx: click.Context, name: str, kind: str, output: Path | None) -> None:
    """Write a complete plugin called NAME (in kebab-case) to start from.

    It can be installed, separates as it is, and comes with tests; your method goes in the place of its own.
    """
    files = render(name, kind)
    _require_free(discover(ctx), name, kind)
    folder = output or Path(f"sepkit-{name}")
    with new_folder(folder) as staging:
        for path, text in files.items():
            file = staging / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
    for path in files:
        click.echo(folder / path)
    # With a leading ./ pip takes it for a path whatever it is called.
    place = str(folder) if folder.is_absolute() else os.path.join(".", folder)
    click.echo("\nnext:")
    click.echo(f"  pip install -e {shlex.quote(place + '[test]')}")
    click.echo(f"  pytest {shlex.quote(place)}")
    click.echo(f"  {_USE[kind].format(name=name)}")


def _require_free(registry: Registry, name: str, kind: str) -> None:
    """No installed plugin would be in conflict with the new one."""
    tables: dict[str, Mapping[str, Spec]] = {
        "separator": registry.separators,
        "prior": registry.priors,
        "constraint": registry.constraints,
    }
    if name in tables[kind] or any(record.name == name for record in registry.plugins):
        raise ConfigError(f"an installed plugin already has the name '{name}'; choose another (see: sepkit plugins)")
