"""``sepkit train``."""

from __future__ import annotations

from pathlib import Path

import click

from sepkit.cli.completing import names_of
from sepkit.cli.given import parse_tasks
from sepkit.cli.group import discover
from sepkit.cli.options import option_settings, read_options
from sepkit.cli.printing import complain, print_json
from sepkit.cli.progress import progress, progress_option
from sepkit.plugin.stdout import kept_from_stdout
from sepkit.training.learn import train
from sepkit.training.parts import named


@click.command()
@click.argument("name", metavar="METHOD|PRIOR", shell_complete=names_of("separators", "priors"))
@click.argument("datasets", nargs=-1, metavar="[DATASET ...]")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for the weights.")
@click.option(
    "--from",
    "weights",
    type=click.Path(path_type=Path),
    help="Weights to go on from, at a tenth of the learning rate: a folder, or the name of published ones.",
)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="NAME=DATASET",
    help="A stem to learn and a dataset to learn it from, in place of DATASET: cello=recordings; may be repeated.",
)
@click.option("--sources", default="", help="Names of the stems to learn: voice,guitar; by default all.")
@click.option("--whole", is_flag=True, help="Learn from the part of each dataset too that is kept for tests.")
@option_settings
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random numbers.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda ...")
@progress_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    datasets: tuple[str, ...],
    output: Path,
    weights: Path | None,
    tasks: tuple[str, ...],
    sources: str,
    whole: bool,
    config_path: Path | None,
    settings: tuple[str, ...],
    seed: int,
    device: str,
    style: str,
    as_json: bool,
) -> None:
    """Train a method or a prior on recordings of stems.

    A DATASET is text like `toy-waveforms:count=100`, or a folder of tracks. Options are listed by `sepkit show NAME`.
    Started again with the same options and folder, a training that was stopped goes on. What comes out is for
    `sepkit run METHOD MIX --weights OUTPUT`.
    """
    if not datasets and not tasks:
        raise click.UsageError("give one DATASET or more, or tasks with --task NAME=DATASET")
    # Whatever a plugin prints must not get between the results on stdout.
    with progress(style, name) as reporter, kept_from_stdout():
        trained = train(
            name,
            datasets,
            output,
            config=read_options(config_path, settings),
            weights=weights,
            tasks=parse_tasks(tasks),
            sources=[source.strip() for source in sources.split(",")] if sources else [],
            whole=whole,
            seed=seed,
            device=device,
            reporter=reporter,
            registry=discover(ctx),
        )
    counts = {"train": len(trained.data.train), "valid": len(trained.data.valid), "held_out": len(trained.held_out)}
    for remark in trained.remarks:
        complain(f"note: {remark}")
    if as_json:
        record = {"weights": str(trained.folder), "sources": list(trained.data.sources), "tracks": counts}
        print_json({**record, "remarks": list(trained.remarks)}, indent=None)
        return
    tracks = f"{counts['train']} to learn from, {counts['valid']} to choose by, {counts['held_out']} held out"
    tracks += f" ({named(trained.held_out)})" if trained.held_out else ""
    complain(f"tracks: {tracks}")
    click.echo(trained.folder)
