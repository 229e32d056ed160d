"""``sepkit run``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from sepkit.batching.batch import disabled, do_jobs, list_name
from sepkit.batching.job import Job
from sepkit.batching.planning import names_of_files, recordings, shard
from sepkit.cli.batches import batch_options, chosen_executor
from sepkit.cli.beside import given_beside, score_beside
from sepkit.cli.completing import methods_then_files, names_of
from sepkit.cli.completing import sources as sources_of
from sepkit.cli.given import f0_files, parse_examples
from sepkit.cli.group import discover
from sepkit.cli.options import align_option, option_settings, parts_option, read_options
from sepkit.cli.outputs import output_options, parse_gains, send_to_stdout
from sepkit.cli.progress import batch_progress, draws, progress_option
from sepkit.cli.region import region_options
from sepkit.cli.results import Results
from sepkit.cli.suggest import advise
from sepkit.errors import SideInformationError
from sepkit.evaluation.stems import stem_files
from sepkit.music.examples import read_examples
from sepkit.music.f0 import F0Track
from sepkit.music.labels import Labels
from sepkit.music.parts import read_with_parts
from sepkit.music.score import Score
from sepkit.opening import composed
from sepkit.repeating.record import Record
from sepkit.solving.outputs import Outputs


@click.command()
@click.argument("names", nargs=-1, metavar="METHOD MIX [MIX ...]", shell_complete=methods_then_files)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the results.")
@click.option(
    "--from",
    "record_path",
    type=click.Path(path_type=Path),
    help="Repeat what a separation.json tells: METHOD is left out then, MIX may be, and options beside it go over what "
    "it says; labels are added to its own, and a saved variables.npz is where it goes on.",
)
@click.option(
    "--sources",
    default="",
    help="Names of the wanted stems, in order: voice,guitar.",
    shell_complete=sources_of(listed=True),
)
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
@click.option(
    "--labels",
    "label_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="When sources sound, and where in the spectrum: a label track of Audacity, layers of Sonic Visualiser or CSV; "
    "may be repeated.",
)
@click.option(
    "--prior",
    "priors",
    multiple=True,
    help="name or name:key=value,...; may be repeated.",
    shell_complete=names_of("priors"),
)
@click.option(
    "--constraint",
    "constraints",
    multiple=True,
    help="name or name:key=value,...; may be repeated.",
    shell_complete=names_of("constraints"),
)
@click.option(
    "--weights", type=click.Path(path_type=Path), help="Folder or file of trained weights, or name of published ones."
)
@option_settings
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random numbers.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda ...")
@region_options
@output_options
@batch_options
@progress_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors on stderr.")
@click.option("-v", "--verbose", is_flag=True, help="Say what becomes of every recording.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each mixture.")
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    output: Path | None,
    record_path: Path | None,
    sources: str,
    score_path: Path | None,
    parts: str,
    align: str,
    f0_paths: tuple[Path, ...],
    examples: tuple[str, ...],
    references: Path | None,
    label_paths: tuple[Path, ...],
    priors: tuple[str, ...],
    constraints: tuple[str, ...],
    weights: Path | None,
    config_path: Path | None,
    settings: tuple[str, ...],
    seed: int,
    device: str,
    start_s: float,
    end_s: float | None,
    keep_length: bool,
    only: tuple[str, ...],
    without: tuple[str, ...],
    gains: tuple[str, ...],
    variables: bool,
    write_score: bool,
    picture: bool,
    format: str,
    subtype: str | None,
    too_loud: str,
    pattern: str,
    to_stdout: str | None,
    workers: int,
    skip_existing: bool | None,
    part: tuple[int, int],
    cluster: str | None,
    resources: Mapping[str, float],
    style: str,
    quiet: bool,
    verbose: bool,
    as_json: bool,
) -> int:
    """Separate recordings with METHOD.

    MIX is a file, a folder (with all below it), a pattern such as '*.flac', or - for standard input. Writes
    OUTPUT/<mixture>/<source>.wav and separation.json for every mixture. Options of the method are listed by `sepkit
    show METHOD`. A mixture that fails does not stop the others, and of several those that are done are left out.
    """
    told = None if record_path is None else Record.read(record_path)
    method, given = _named(ctx, names, told)
    if output is None and to_stdout is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    setup: dict[str, Any] = {"config": read_options(config_path, settings), "weights": weights, "device": device}
    problem: dict[str, Any] = {
        "sources": [composed(name.strip()) for name in sources.split(",")] if sources else [],
        "f0": {name: F0Track.read(file) for name, file in f0_files(f0_paths).items()},
        "examples": read_examples(parse_examples(examples)),
        "references": {} if references is None else stem_files(references),
        "labels": [Labels.read(path) for path in label_paths],
        "priors": priors,
        "constraints": constraints,
        "align": align,
        "seed": seed,
        "start_s": start_s,
        "end_s": end_s,
        "keep_length": keep_length,
    }
    chosen: dict[str, Any] = {
        "only": only,
        "without": without,
        "gains_db": parse_gains(gains),
        "variables": variables,
        "score": write_score,
        "picture": picture,
        "format": format,
        "subtype": subtype,
        "too_loud": too_loud,
    }
    if output is None:
        chosen["only"] = (to_stdout,)
    registry = discover(ctx)
    beside: dict[str, Any] = {}
    if told is None:
        problem["score"] = _score(score_path, parts, align)
    else:
        setup, problem = (
            given_beside(ctx, setup),
            given_beside(ctx, problem) | score_beside(ctx, told, score_path, parts),
        )
        beside = given_beside(ctx, chosen) | ({} if output else {"only": chosen["only"]})
        chosen = {**told.outputs.model_dump(), **beside}
    outputs = Outputs(**chosen)
    with ExitStack() as places:
        folder = output or Path(places.enter_context(tempfile.TemporaryDirectory()))
        found = recordings(given, folder)
        many = len(found) > 1 or any(os.path.isdir(one) for one in given) or part != (1, 1)
        executor = places.enter_context(chosen_executor(ctx, workers, cluster, resources, registry, found))
        spelt = os.path.abspath if cluster else os.fspath
        of_files = names_of_files(found, pattern, folder)
        jobs = [
            Job(
                mixture=spelt(path) if told is None or names else None,
                method=method,
                output=spelt(folder),
                name=of_files[path],
                setup=setup,
                problem=problem,
                outputs=outputs,
                record=None if record_path is None else spelt(record_path),
                skip_existing=many if skip_existing is None else skip_existing,
                disabled=disabled(registry),
            )
            for path in shard(found, *part)
        ]
        same = told if not (names or setup or problem or beside) else None
        style = "none" if quiet else style
        results = Results(
            many=many,
            quiet=quiet,
            verbose=verbose,
            as_json=as_json,
            told=same,
            silent=to_stdout is not None,
            held=[] if draws(style) else None,
        )
        try:
            with batch_progress(style) as reporter:
                done = do_jobs(jobs, executor, reporter=reporter, on_outcome=results.tell, registry=registry)
        finally:
            results.release()
        if to_stdout is not None:
            send_to_stdout(done.outcomes, to_stdout)
        listing = folder / list_name(part)
        if many:
            done.write(listing)
        return results.end(done, listing)


def _score(path: Path | None, parts: str, align: str) -> Score | None:
    if path is None and align == "always":
        raise SideInformationError("--align needs a score to align; give one with --score")
    return None if path is None else read_with_parts(path, parts)


def _named(ctx: click.Context, names: tuple[str, ...], told: Record | None) -> tuple[str, tuple[str, ...]]:
    """The method and the mixtures: of the command line, or of a record."""
    if told is not None:
        return told.method, names or (told.mixture,)
    if names and os.path.isfile(names[0]):
        click.echo(advise(discover(ctx), tuple(map(Path, names))), err=True)
        raise click.UsageError("no METHOD is given; take one of these")
    if len(names) < 2:
        raise click.UsageError("give METHOD and MIX, or a record with --from")
    return names[0], names[1:]
