"""Progress for people (bars) and for programs (a JSON object a line), both on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from sepkit.cli.printing import console
from sepkit.problem.run import Progress, Reporter

progress_option = click.option(
    "--progress",
    "style",
    type=click.Choice(["auto", "bar", "json", "none"]),
    default="auto",
    show_default=True,
    help="On stderr; auto is a bar at a terminal and nothing elsewhere.",
)
"""The option of every command that may take long."""


@contextmanager
def progress(style: str, title: str) -> Iterator[Reporter | None]:
    """A reporter of the wanted style: ``bar``, ``json`` or ``none``; ``auto`` is a bar at a terminal."""
    if style == "bar" or (style == "auto" and sys.stderr.isatty()):
        with _bars(title) as reporter:
            yield reporter
    elif style == "json":

        def report(event: Progress) -> None:
            line: dict[str, object] = {"mixture": title, "stage": event.stage, "done": event.done, "total": event.total}
            line |= {"figures": event.figures} if event.figures else {}
            # Nobody needs to read it for the work to be done.
            with suppress(OSError):
                click.echo(json.dumps(line), err=True)

        yield report
    else:
        yield None


@contextmanager
def _bars(title: str) -> Iterator[Reporter]:
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.fields[mixture]}", markup=False),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=console(stderr=True, drawn=True), transient=True) as bars:

        def report(event: Progress) -> None:
            if event.stage not in tasks:
                tasks[event.stage] = bars.add_task(event.stage, total=event.total, mixture=title, figures="")
            figures = "  ".join(f"{name} {value:.4g}" for name, value in event.figures.items())
            bars.update(tasks[event.stage], completed=event.done, total=event.total, figures=figures)

        yield report
