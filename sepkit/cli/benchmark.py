"""``sepkit benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sepkit.cli.completing import names_of
from sepkit.cli.group import discover
from sepkit.cli.options import read_object
from sepkit.cli.printing import complain
from sepkit.cli.progress import progress, progress_option
from sepkit.evaluation.benchmarking.entry import entries_named
from sepkit.evaluation.benchmarking.runner import benchmark
from sepkit.plugin.stdout import kept_from_stdout


@click.command()
@click.argument("methods", metavar="METHOD[,METHOD...]", shell_complete=names_of("separators", listed=True))
@click.argument("datasets", nargs=-1, required=True, metavar="DATASET [DATASET ...]")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for results and report.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help='Named configurations, as a JSON object: {"nmf-kl": {"method": "nmf", "config": {"beta": 1}}}.',
)
@click.option("--metric", "metrics", multiple=True, help="name or name:key=value,...; may be repeated.")
@click.option("--split", type=click.Choice(["train", "valid", "test"]), help="Only this part of every dataset.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the methods.")
@click.option("--jobs", type=click.IntRange(min=1), help="How many run at a time; by default one for each core.")
@progress_option
@click.pass_context
def command(
    ctx: click.Context,
    methods: str,
    datasets: tuple[str, ...],
    output: Path,
    config_path: Path | None,
    metrics: tuple[str, ...],
    split: Any,
    seed: int,
    jobs: int | None,
    style: str,
) -> int:
    """Run methods over datasets and report how good they are.

    A METHOD is an installed one, or a configuration named in the file of --config. A DATASET is text like
    `toy-waveforms:count=3`, or a folder of tracks. Writes report.md, report.html and results.jsonl; started again with
    the same folder, it goes on where it was stopped. Exits with 1 when a job failed.
    """
    configurations = {} if config_path is None else read_object(config_path, "configurations by name")
    entries = entries_named([name.strip() for name in methods.split(",")], configurations)
    # Whatever a plugin prints must not get between the paths on stdout.
    with progress(style, "benchmark") as reporter, kept_from_stdout():
        report = benchmark(
            entries,
            datasets,
            output,
            metrics=metrics or None,
            split=split,
            seed=seed,
            jobs=jobs,
            registry=discover(ctx),
            reporter=reporter,
        )
    click.echo(report.markdown)
    click.echo(report.html)
    for remark in report.remarks:
        complain(remark)
    for reason, count in report.failed_metrics.items():
        complain(f"{reason} (in {count} of {len(report.results)} jobs)")
    if report.failed:
        complain(f"{report.failed} of {len(report.results)} jobs failed; see {report.markdown}")
    return 1 if report.failed else 0
