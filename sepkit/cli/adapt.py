"""``sepkit adapt``."""

from __future__ import annotations

from pathlib import Path

import click

from sepkit.cli.given import parse_examples, parse_solos
from sepkit.cli.group import discover
from sepkit.cli.options import option_settings, read_options
from sepkit.cli.printing import complain, print_json
from sepkit.cli.progress import progress, progress_option
from sepkit.opening import as_spelt
from sepkit.plugin.stdout import kept_from_stdout
from sepkit.training.adaptation import adapt


@click.command()
@click.argument("method", metavar="METHOD")
@click.argument("mixture", type=click.Path(path_type=Path), metavar="MIX")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for the new weights.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Weights to start from: a folder, or the name of published ones; by default those that METHOD separates with.",
)
@click.option(
    "--solo",
    "solos",
    multiple=True,
    metavar="NAME=FROM-TO",
    help="A passage of MIX that a source has for itself: piano=0:00-0:35, or in seconds piano=0-35; may be repeated.",
)
@click.option(
    "--example",
    "examples",
    multiple=True,
    metavar="NAME=PATH",
    help="Another recording of a source alone, or a folder of such; may be repeated.",
)
@option_settings
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random numbers.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda ...")
@progress_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    method: str,
    mixture: Path,
    output: Path,
    weights: Path | None,
    solos: tuple[str, ...],
    examples: tuple[str, ...],
    config_path: Path | None,
    settings: tuple[str, ...],
    seed: int,
    device: str,
    style: str,
    as_json: bool,
) -> None:
    """Adapt trained weights to MIX by passages in which its sources play alone.

    Random mixtures of these are learned from at a tenth of the learning rate. What comes out are ordinary weights, for
    `sepkit run METHOD MIX --weights OUTPUT`. Started again, an adaptation that was stopped goes on.
    """
    # Whatever a plugin prints must not get between the results on stdout.
    with progress(style, method) as reporter, kept_from_stdout():
        adapted = adapt(
            method,
            as_spelt(mixture),
            output,
            weights=weights,
            solos=parse_solos(solos),
            examples=parse_examples(examples),
            config=read_options(config_path, settings),
            seed=seed,
            device=device,
            reporter=reporter,
            registry=discover(ctx),
        )
    for remark in adapted.remarks:
        complain(f"note: {remark}")
    if as_json:
        record = {"weights": str(adapted.folder), "sources": list(adapted.data.sources)}
        print_json({**record, "remarks": list(adapted.remarks)}, indent=None)
        return
    click.echo(adapted.folder)
