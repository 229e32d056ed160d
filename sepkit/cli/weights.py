"""``sepkit weights``."""

from __future__ import annotations

from typing import Any

import click

from sepkit.cli.group import discover
from sepkit.cli.printing import complain, print_json
from sepkit.plugin.store import PublishedWeights, published_weights


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the weights that methods and priors publish: for what they are, licence, size, and where they lie.

    Nothing is downloaded. `sepkit fetch NAME` does that.
    """
    published = published_weights(discover(ctx))
    if as_json:
        print_json([_entry(one) for one in published])
        return
    for one in published:
        where = one.fault or one.folder or f"not fetched: sepkit fetch {one.weights.name}"
        click.echo(f"{facts(one)}\n  {'where':<8} {where}")
    if not published:
        complain("no installed method or prior publishes weights")


def facts(one: PublishedWeights) -> str:
    """What people need to know of weights before they use them, a line each."""
    from rich.filesize import decimal

    size = _size(one)
    lines = {
        "for": ", ".join(f"{spec.kind} {spec.name}" for spec in one.specs),
        "source": one.weights.source,
        "licence": one.weights.licence,
        "size": "unknown" if size is None else decimal(size),
    }
    files = [("url", file.url) for file in one.weights.files]
    return "\n".join([one.weights.name, *(f"  {title:<8} {text}" for title, text in [*lines.items(), *files])])


def _size(one: PublishedWeights) -> int | None:
    """Bytes to fetch, or those of the files that ship with a plugin; None when these are not there."""
    if not one.weights.ships:
        return one.weights.size
    if one.folder is None or not one.folder.is_dir():
        return None
    return sum(path.stat().st_size for path in one.folder.rglob("*") if path.is_file())


def _entry(one: PublishedWeights) -> dict[str, Any]:
    weights = one.weights
    return {
        "name": weights.name,
        "for": [{"kind": spec.kind, "name": spec.name} for spec in one.specs],
        "licence": weights.licence,
        "source": weights.source,
        "size": _size(one),
        "files": [{"url": file.url, "sha256": file.sha256, "size": file.size} for file in weights.files],
        "folder": str(one.folder) if one.folder else None,
        "fault": one.fault,
    }
