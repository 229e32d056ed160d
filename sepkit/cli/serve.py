"""``sepkit serve``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from sepkit.cli.group import discover
from sepkit.errors import SepkitError


@click.command()
@click.option(
    "--stdio", is_flag=True, help="Answer JSON-RPC on standard input and output, for a program that starts it."
)
@click.option("--host", help="Address to listen on; any but this machine's own needs a token.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 for a free one.  [default: 8000]")
@click.option("--token", help="What clients have to know; made up where one is needed and none given.")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where uploads and results lie; by default in the cache."
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Separations at the same time.  [default: 1]")
@click.option("--queue", type=click.IntRange(0, 10_000), help="Jobs that may wait.  [default: 20]")
@click.option("--upload-mb", type=click.IntRange(1, 100_000), help="Largest upload.  [default: 500]")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Longest separation.  [default: 60]")
@click.option("--keep-hours", type=click.FloatRange(0, min_open=True), help="When results are removed.  [default: 24]")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Separate for other programs and people: over HTTP with a page for the browser, or over standard input and output.

    Methods stay loaded from one recording to the next.
    """
    stdio, jobs = options.pop("stdio"), options.pop("jobs")
    given = {name: value for name, value in options.items() if value is not None}
    if stdio:
        if given:
            raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} is not for --stdio", ctx)
        try:
            from sepkit.serving.stdio import serve_stdio
        except ImportError as error:
            raise SepkitError(
                f'--stdio needs pygls ({error}); install it with: pip install "sepkit[worker]"'
            ) from error
        serve_stdio(discover(ctx), jobs or 1)
        return
    _http()(discover(ctx), **given, **({"jobs": jobs} if jobs else {}))


def _http() -> Callable[..., None]:
    """The server over HTTP, which is a package of its own."""
    found = list(entry_points(group="sepkit.servers", name="http"))
    if not found:
        raise SepkitError("serving over HTTP needs a package of its own; install it with: pip install sepkit-web")
    try:
        serve: Callable[..., None] = found[0].load()
    except ImportError as error:
        raise SepkitError(f"the server over HTTP cannot be loaded ({error}); install it anew: sepkit-web") from error
    return serve
