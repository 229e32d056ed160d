"""Progress for people (bars) and for programs (a JSON object a line), both on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from sepkit.batching.progress import BatchProgress, BatchReporter
from sepkit.cli.printing import as_json, console
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


def draws(style: str) -> bool:
    """Whether there is a bar."""
    return style == "bar" or (style == "auto" and sys.stderr.isatty())


@contextmanager
def progress(style: str, title: str) -> Iterator[Reporter | None]:
    """A reporter of the wanted style: ``bar``, ``json`` or ``none``; ``auto`` is a bar at a terminal."""
    if draws(style):
        with _bars(title) as reporter:
            yield reporter
    elif style == "json":

        def report(event: Progress) -> None:
            _print_event({"mixture": title, **event.as_dict()})

        yield report
    else:
        yield None


def _print_event(event: dict[str, Any]) -> None:
    told = {name: value for name, value in event.items() if name != "figures" or value}
    # Nobody needs to read it for the work to be done.
    with suppress(OSError):
        click.echo(as_json(told, indent=None), err=True)


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


@contextmanager
def batch_progress(style: str) -> Iterator[BatchReporter | None]:
    """A reporter of many recordings: a bar over all, with the time that is left, and one for each that runs."""
    if draws(style):
        with _bars_of_all() as reporter:
            yield reporter
    elif style == "json":
        last: dict[str, Progress] = {}

        def report(batch: BatchProgress) -> None:
            for title, event in batch.running.items():
                if last.get(title) != event:
                    last[title] = event
                    _print_event({"mixture": title, **event.as_dict(), "overall": round(batch.fraction, 4)})

        yield report
    else:
        yield None


@contextmanager
def _bars_of_all() -> Iterator[BatchReporter]:
    from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[steps]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    with Bars(*columns, console=console(stderr=True, drawn=True), transient=True, redirect_stdout=False) as bars:
        overall = bars.add_task("all", total=1.0, steps="", figures="")
        stages: dict[str, TaskID] = {}

        def report(batch: BatchProgress) -> None:
            done = f"{batch.done}/{batch.total}"
            # However fast it goes, each recording, and each stage when it begins and when it is done, is drawn once.
            is_new = bars.tasks[0].fields["steps"] != done
            bars.update(overall, completed=batch.fraction, steps=done)
            for title in stages.keys() - batch.running.keys():
                bars.remove_task(stages.pop(title))
            for title, event in batch.running.items():
                if title not in stages:
                    stages[title] = bars.add_task(title, total=event.total, steps="", figures="")
                task = bars.tasks[bars.task_ids.index(stages[title])]
                description = f"{title}  {event.stage}"
                if task.description != description:
                    bars.reset(stages[title], total=event.total)
                    is_new = True
                figures = "  ".join(f"{name} {value:.4g}" for name, value in event.figures.items())
                steps = f"{event.done}/{event.total}"
                is_new |= event.done == event.total and task.fields["steps"] != steps
                bars.update(stages[title], description=description, completed=event.done, steps=steps, figures=figures)
            if is_new:
                bars.refresh()

        yield report
