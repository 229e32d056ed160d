"""``sepkit evaluate``."""

from __future__ import annotations

import math
import os
from pathlib import Path

import click
import numpy as np

from sepkit.cli.group import discover
from sepkit.cli.printing import complain, console, print_json
from sepkit.cli.progress import progress, progress_option
from sepkit.errors import AudioError
from sepkit.evaluation.evaluation import Evaluation, evaluate, median_of_numbers
from sepkit.evaluation.pairing import Signals
from sepkit.opening import as_spelt
from sepkit.plugin.stdout import kept_from_stdout


@click.command()
@click.argument("estimates", type=click.Path(path_type=Path))
@click.argument("references", type=click.Path(path_type=Path))
@click.option("--metric", "metrics", multiple=True, help="name or name:key=value,...; may be repeated; default is all.")
@click.option("--permute", is_flag=True, help="Assign estimates to references by their sound, not by their names.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@progress_option
@click.pass_context
def command(
    ctx: click.Context,
    estimates: Path,
    references: Path,
    metrics: tuple[str, ...],
    permute: bool,
    as_json: bool,
    as_csv: bool,
    style: str,
) -> None:
    """Measure ESTIMATES against REFERENCES, the true stems.

    Both are folders with a file of audio for each source, named alike; or both are single files. The separation.json
    that `sepkit run` wrote tells which file is which stem.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv are two forms of the same; give one of them", ctx)
    registry = discover(ctx)
    if not metrics:
        for spec in registry.metrics.values():
            if spec.remedy:
                complain(f"{spec.kind} '{spec.name}' is left out: {spec.remedy}")
    estimates, references = as_spelt(estimates), as_spelt(references)
    _check_alike(estimates, references)
    # Whatever a plugin prints must not get between the results on stdout.
    with progress(style, estimates.name) as reporter, kept_from_stdout():
        evaluation = evaluate(
            _signals(estimates),
            _signals(references),
            metrics=metrics or None,
            # Two files are an estimate and its reference, whatever they are called.
            permute=permute or _is_single(references),
            registry=registry,
            reporter=reporter,
        )
    for note in (*evaluation.notes, *evaluation.failed.values()):
        complain(note)
    if as_json:
        print_json(evaluation.as_dict(), indent=None)
    elif as_csv:
        click.echo(evaluation.to_csv(), nl=False)
    else:
        _print_table(evaluation)


def _check_alike(estimates: Path, references: Path) -> None:
    files = [path for path in (estimates, references) if _is_single(path)]
    if len(files) == 1:
        [other] = {estimates, references} - set(files)
        raise AudioError(f"{files[0]} is a file and {other} is none; give two files or two folders")


def _signals(path: Path) -> Signals:
    """A folder as it is, a file by its own name."""
    return {path.stem: path} if _is_single(path) else path


def _is_single(path: Path) -> bool:
    """Whether it is one recording: a file or a pipe."""
    return os.path.exists(path) and not os.path.isdir(path)


def _print_table(evaluation: Evaluation) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("source", no_wrap=True)
    units = {figure: unit for metric in evaluation.metrics for figure, unit in metric["units"].items()}
    for figure in evaluation.values:
        table.add_column(f"{figure}\n{units[figure]}", justify="right", no_wrap=True)
    columns = [[values[source] for source in evaluation.sources] for values in evaluation.values.values()]
    for source, *row in zip(evaluation.sources, *columns, strict=True):
        table.add_row(source, *map(_number, row))
    table.add_row("median", *(_number(median_of_numbers(np.array(column))) for column in columns), style="bold")
    console(folds=False).print(table)
    click.echo()
    formatter = click.HelpFormatter(width=100)
    for metric in evaluation.metrics:
        options = "".join(f" {name}={value}" for name, value in metric["options"].items())
        with formatter.section(f"{metric['name']}{options} ({metric['library']} {metric['version']})"):
            formatter.write_dl(list(metric["figures"].items()))
    click.echo(formatter.getvalue(), nl=False)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
