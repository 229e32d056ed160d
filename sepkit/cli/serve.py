"""``sepkit serve``."""

from __future__ import annotations

import click

from sepkit.cli.group import discover
from sepkit.errors import SepkitError


@click.command()
@click.option(
    "--stdio", is_flag=True, help="Answer JSON-RPC on standard input and output, for a program that starts it."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Separations at the same time.")
@click.pass_context
def command(ctx: click.Context, stdio: bool, jobs: int) -> None:
    """Separate for other programs, until they close standard input.

    Methods stay loaded from one recording to the next. See the guide on embedding for the requests.
    """
    if not stdio:
        raise click.UsageError("say how to serve: --stdio", ctx)
    try:
        from sepkit.serving.stdio import serve_stdio
    except ImportError as error:
        raise SepkitError(f'serving needs pygls ({error}); install it with: pip install "sepkit[worker]"') from error
    serve_stdio(discover(ctx), jobs)
