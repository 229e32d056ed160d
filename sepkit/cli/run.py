"""``sepkit run``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from sepkit.cli.beside import differing, given_beside, score_beside
from sepkit.cli.given import f0_files, parse_examples
from sepkit.cli.group import discover
from sepkit.cli.options import align_option, option_settings, parts_option, read_options
from sepkit.cli.outputs import parse_gains, too_loud
from sepkit.cli.printing import complain, print_json
from sepkit.cli.progress import progress, progress_option
from sepkit.errors import AudioError, Cancelled, ConfigError, SepkitError, SideInformationError
from sepkit.evaluation.stems import stem_files
from sepkit.files import file_names, require_writable, sweep
from sepkit.music.examples import read_examples
from sepkit.music.f0 import F0Track
from sepkit.music.parts import read_with_parts
from sepkit.music.score import Score
from sepkit.opening import as_spelt, composed
from sepkit.plugin.stdout import kept_from_stdout
from sepkit.repeating.record import Record
from sepkit.repeating.repeat import Repetition
from sepkit.solving.method import Method


@click.command()
@click.argument("names", nargs=-1, metavar="METHOD MIX [MIX ...]")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@click.option(
    "--from",
    "record_path",
    type=click.Path(path_type=Path),
    help="Repeat what a separation.json tells: METHOD is left out then, MIX may be, and options beside it go over what "
    "it says.",
)
@click.option("--sources", default="", help="Names of the wanted stems, in order: voice,guitar.")
@click.option("--score", "score_path", type=click.Path(path_type=Path), help="The score: MIDI, MusicXML or CSV.")
@parts_option
@align_option
@click.option(
    "--f0",
    "f0_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="F0 track of a source, as <source>.csv with seconds and Hz, or a folder of such; may be repeated.",
)
@click.option(
    "--example",
    "examples",
    multiple=True,
    metavar="NAME=PATH",
    help="A recording of a source alone, other than the mixture, or a folder of such; may be repeated.",
)
@click.option(
    "--references",
    type=click.Path(path_type=Path),
    help="Folder of the true stems, <source>.wav or in stems/ within it, for oracles.",
)
@click.option("--prior", "priors", multiple=True, help="name or name:key=value,...; may be repeated.")
@click.option("--constraint", "constraints", multiple=True, help="name or name:key=value,...; may be repeated.")
@click.option(
    "--weights", type=click.Path(path_type=Path), help="Folder or file of trained weights, or name of published ones."
)
@option_settings
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random numbers.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda ...")
@progress_option
@click.option("--only", multiple=True, metavar="NAME", help="Write this stem only; may be repeated.")
@click.option("--without", multiple=True, metavar="NAME", help="Write the mixture without this stem; may be repeated.")
@click.option(
    "--gain", "gains", multiple=True, metavar="NAME=DB", help="Write a remix with this gain; may be repeated."
)
@click.option("--save-variables", "variables", is_flag=True, help="Write templates, activations ... to variables.npz.")
@click.option(
    "--write-score", is_flag=True, help="Write the notes that the method found to score.mid, one part a source."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each mixture.")
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    output: Path,
    record_path: Path | None,
    sources: str,
    score_path: Path | None,
    parts: str,
    align: str,
    f0_paths: tuple[Path, ...],
    examples: tuple[str, ...],
    references: Path | None,
    priors: tuple[str, ...],
    constraints: tuple[str, ...],
    weights: Path | None,
    config_path: Path | None,
    settings: tuple[str, ...],
    seed: int,
    device: str,
    style: str,
    only: tuple[str, ...],
    without: tuple[str, ...],
    gains: tuple[str, ...],
    variables: bool,
    write_score: bool,
    as_json: bool,
) -> int:
    """Separate recordings with METHOD.

    Writes OUTPUT/<mixture>/<source>.wav and separation.json for every mixture. Options of the method are listed by
    `sepkit show METHOD`. A mixture that fails does not stop the others. `sepkit run --from OUT/SONG/separation.json -o
    AGAIN` makes the same files again.
    """
    told = None if record_path is None else Record.read(record_path)
    method, mixtures = _named(names, told)
    folders = _folders(mixtures, output)
    options: dict[str, Any] = {"config": read_options(config_path, settings), "weights": weights, "device": device}
    problem: dict[str, Any] = {
        "sources": [composed(name.strip()) for name in sources.split(",")] if sources else [],
        "f0": {name: F0Track.read(file) for name, file in f0_files(f0_paths).items()},
        "examples": read_examples(parse_examples(examples)),
        "references": {} if references is None else stem_files(references),
        "priors": priors,
        "constraints": constraints,
        "align": align,
        "seed": seed,
    }
    outputs: dict[str, Any] = {
        "only": only,
        "without": without,
        "gains_db": parse_gains(gains),
        "variables": variables,
        "score": write_score,
    }
    beside: dict[str, Any] = {}
    registry = discover(ctx)
    if told is None:
        problem["score"] = _score(score_path, parts, align)
        loaded = Method(method, registry=registry, **options)
    else:
        beside = given_beside(ctx, {**options, **problem}) | score_beside(ctx, told, score_path, parts)
        repetition = Repetition(told, registry, **beside)
        chosen = given_beside(ctx, outputs)
        outputs = {name: chosen.get(name, getattr(told.outputs, name)) for name in outputs}
    require_writable(output)
    sweep(output)
    worst = 0
    for mixture, folder in folders.items():
        try:
            # Whatever a plugin prints must not get between the results on stdout.
            with progress(style, mixture.name) as reporter, kept_from_stdout():
                keep = outputs["variables"] or outputs["score"]
                if told is None:
                    separation = loaded.separate(mixture, **problem, reporter=reporter, keep_variables=keep)
                else:
                    mixed = mixture if names else None
                    separation = repetition.separate(mixed, reporter=reporter, keep_variables=keep)
                kept = outputs["variables"] and separation.variables is not None
                files = separation.write(folder, **{**outputs, "variables": kept})
        except Cancelled:
            raise
        except SepkitError as error:
            if len(folders) == 1:
                raise
            named = "" if str(mixture) in str(error) else f"{mixture}: "
            complain(f"{named}{error}")
            worst = max(worst, error.exit_code)
            continue
        other = () if told is None or names or beside or chosen else differing(told, Record.read(folder))
        if outputs["variables"] and not kept:
            other = (f"method '{method}' has no variables to save", *other)
        for remark in (*separation.provenance.remarks, *too_loud(separation, outputs["gains_db"]), *other):
            complain(f"note on {mixture}: {remark}")
        if as_json:
            written = {source: str(file) for source, file in files.items()}
            record = {"mixture": str(mixture), **separation.provenance.as_dict(), "files": written}
            print_json(record, indent=None)
        else:
            for file in files.values():
                click.echo(file)
    return worst


def _score(path: Path | None, parts: str, align: str) -> Score | None:
    if path is None and align == "always":
        raise SideInformationError("--align needs a score to align; give one with --score")
    return None if path is None else read_with_parts(path, parts)


def _named(names: tuple[str, ...], told: Record | None) -> tuple[str, tuple[str, ...]]:
    """The method and the mixtures: of the command line, or of a record."""
    if told is not None:
        return told.method, names or (told.mixture,)
    if len(names) < 2:
        raise click.UsageError("give METHOD and MIX, or a record with --from")
    return names[0], names[1:]


def _folders(mixtures: tuple[str, ...], output: Path) -> dict[Path, Path]:
    """The output folder of every mixture."""
    paths = [as_spelt(Path(mixture)) for mixture in mixtures]
    for path in paths:
        if os.path.isdir(path):
            raise AudioError(f"{path} is a folder; give audio files")
        if not os.path.exists(path):
            raise AudioError(f"no such audio file: {path}")
    stems = [path.stem for path in paths]
    twins = [str(path) for path in paths if stems.count(path.stem) > 1]
    if twins:
        raise ConfigError(
            f"{' and '.join(twins)} would share the folder {output / Path(twins[0]).stem}; run them apart"
        )
    names = file_names(stems)
    return {path: output / names[path.stem] for path in paths}
