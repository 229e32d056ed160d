"""``sepkit demo``."""

from __future__ import annotations

from pathlib import Path

import click

from sepkit import example
from sepkit.api import Method
from sepkit.audio import Audio
from sepkit.cli.group import discover
from sepkit.cli.progress import progress
from sepkit.errors import SepkitError
from sepkit.evaluation.sdr import ideal_ratio_mask, sdr
from sepkit.files import require_writable
from sepkit.plot import write_figure
from sepkit.separation import Separation


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("sepkit-demo"),
    show_default=True,
    help="Folder for stems and picture.",
)
@click.pass_context
def command(ctx: click.Context, output: Path) -> None:
    """Separate a bundled recording and measure the result.

    Flute, cello and drums play eight bars of the Ode to Joy. Supervised NMF learns each from a short example of other
    notes and separates the mixture; the table puts its quality between the mixture itself and an ideal mask.
    """
    method_name = "nmf"
    piece = example.load()
    method = Method(method_name, config={"templates": piece.training}, registry=discover(ctx))
    require_writable(output)
    with progress("auto", "demo") as reporter:
        separation = method.separate(piece.mixture, sources=list(piece.stems), reporter=reporter)
    separation.write(output)
    piece.mixture.write(output / "mixture.wav")
    _print_table(piece, separation)
    click.echo(f"\nstems and provenance: {output.resolve()}")
    _draw(separation, output / "spectrograms.png")
    click.echo(
        "\nnow your own recording, with an example of each source:\n"
        "  sepkit run nmf song.wav -o out --set templates.voice=voice.wav --set templates.guitar=guitar.wav"
    )


def _print_table(piece: example.Example, separation: Separation) -> None:
    from rich.console import Console
    from rich.table import Table

    oracle = ideal_ratio_mask(piece.mixture, piece.stems)
    table = Table(title="signal-to-distortion ratio in dB, higher is better", title_justify="left")
    table.add_column("stem")
    for column in ("mixture as it is", f"method {separation.provenance.method}", "ideal ratio mask"):
        table.add_column(column, justify="right")
    for name, truth in piece.stems.items():
        estimates: tuple[Audio, ...] = (piece.mixture, separation[name], oracle[name])
        table.add_row(name, *(f"{sdr(truth, estimate):.1f}" for estimate in estimates))
    Console().print(table)


def _draw(separation: Separation, path: Path) -> None:
    try:
        figure = separation.plot()
    except SepkitError as error:
        click.echo(f"no picture: {error}")
    else:
        write_figure(path, figure)
        click.echo(f"picture: {path.resolve()}")
