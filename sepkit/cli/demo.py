"""``sepkit demo``."""

from __future__ import annotations

from pathlib import Path

import click

from sepkit import example
from sepkit.cli.group import discover
from sepkit.cli.printing import console
from sepkit.cli.progress import progress
from sepkit.errors import SepkitError
from sepkit.evaluation import evaluate
from sepkit.files import require_writable
from sepkit.plots.canvas import write_figure
from sepkit.plugin.known import KNOWN
from sepkit.plugin.registry import Registry
from sepkit.solving.method import Method
from sepkit.solving.separation import Separation

_METHOD, _INSTEAD = "score-nmf", "harmonic-comb"


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("sepkit-demo"),
    show_default=True,
    help="Folder for stems and pictures.",
)
@click.pass_context
def command(ctx: click.Context, output: Path) -> None:
    """Separate the hands of a bundled piano recording and measure the result.

    A pianist plays the opening of Mozart's Sonata in C major, K. 545. Score-informed NMF parts the hands by the notes
    of each; the table puts its quality between the mixture itself and an ideal mask. Where that method is not
    installed, a harmonic comb, which comes with sepkit, does it less well.
    """
    registry = discover(ctx)
    piece = example.load("piano")
    method = Method(_METHOD if _METHOD in registry.separators else _INSTEAD, registry=registry)
    require_writable(output)
    with progress("auto", "demo") as reporter:
        separation = method.separate(
            piece.mixture, sources=list(piece.stems), score=piece.score, reporter=reporter, keep_variables=True
        )
    separation.write(output)
    piece.mixture.write(output / "mixture.wav")
    piece.score.write(output / "score.mid")
    require_writable(output / "stems")
    for name, stem in piece.stems.items():
        stem.write(output / "stems" / f"{name}.wav")
    _print_table(piece, separation, registry)
    click.echo(f"\nestimates, mixture, true stems, score and provenance: {output.resolve()}")
    _draw(separation, output)
    if method.spec.name != _METHOD:
        package = KNOWN["method"][_METHOD]
        click.echo(f"\nsepkit is installed alone; for better stems, and far more methods: pip install {package}")
    click.echo(
        "\nnow your own recording, with its notes as MIDI, one track for each stem:\n"
        f"  sepkit run {method.spec.name} song.wav --score song.mid -o out"
    )


def _print_table(piece: example.Example, separation: Separation, registry: Registry) -> None:
    from rich.table import Table

    comb, oracle = (Method(name, registry=registry) for name in ("harmonic-comb", "ideal-ratio-mask"))
    estimates = {
        "mixture as it is": dict.fromkeys(piece.stems, piece.mixture),
        "harmonic comb": comb.separate(piece.mixture, sources=list(piece.stems), score=piece.score),
        separation.provenance.method: separation,
        "ideal ratio mask": oracle.separate(piece.mixture, references=piece.stems),
    }
    columns = [evaluate(one, piece.stems, metrics=["sdr"], registry=registry).values for one in estimates.values()]
    table = Table(title="signal-to-distortion ratio in dB, higher is better", title_justify="left")
    table.add_column("stem")
    for title in estimates:
        table.add_column(title, justify="right")
    for name in piece.stems:
        table.add_row(name, *(f"{values['SDR'][name]:.1f}" for values in columns))
    console().print(table)


def _draw(separation: Separation, output: Path) -> None:
    pictures = {"spectrograms.png": separation.plot}
    if separation.variables is not None:
        pictures["factors.png"] = separation.plot_factors
    for name, plot in pictures.items():
        try:
            figure = plot()
        except SepkitError as error:
            click.echo(f"no picture: {error}")
            return
        write_figure(output / name, figure)
        click.echo(f"picture: {(output / name).resolve()}")
