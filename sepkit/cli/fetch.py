"""``sepkit fetch``."""

from __future__ import annotations

import sys

import click

from sepkit.cli.group import discover
from sepkit.cli.progress import progress, progress_option
from sepkit.cli.weights import facts
from sepkit.fetching.download import fetch
from sepkit.plugin.store import find_weights


@click.command()
@click.argument("name")
@click.option("--accept-licence", is_flag=True, help="Accept the licence of the weights, without being asked.")
@progress_option
@click.pass_context
def command(ctx: click.Context, name: str, accept_licence: bool, style: str) -> None:
    """Download the weights NAME that a method or prior publishes, and print their folder.

    Shows where they come from, their licence and size, and asks first. `sepkit weights` lists what there is. They come
    into the folder that SEPKIT_HOME names, or into the platform's cache.
    """
    registry = discover(ctx)
    published = find_weights(name, registry)
    absent = published.folder is None and not published.weights.ships
    # Without a terminal nobody can be asked: fetch then says what to do.
    if absent and (accept_licence or sys.stdin.isatty()):
        click.echo(facts(published), err=True)
        accept_licence = accept_licence or click.confirm("accept the licence and download?", abort=True, err=True)
    with progress(style, name) as reporter:
        folder = fetch(name, accept_licence=accept_licence, reporter=reporter, registry=registry)
    click.echo(folder)
