"""``sepkit datasets``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sepkit.cli.group import discover
from sepkit.cli.printing import console, print_json
from sepkit.cli.progress import progress, progress_option
from sepkit.errors import ConfigError, SepkitError
from sepkit.evaluation.declare import declared_dataset
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import DatasetSpec
from sepkit.plugin.stdout import kept_from_stdout
from sepkit.problem.run import Run

if TYPE_CHECKING:
    from sepkit.evaluation.dataset import Dataset, Track


@click.command()
@click.argument("dataset", required=False)
@click.option("--verify", "verifies", is_flag=True, help="Read everything and name what is missing or broken.")
@click.option("--split", "fractions", metavar="TRAIN,VALID,TEST", help="Divide the tracks: 0.8,0.1,0.1.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of --split.")
@progress_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    dataset: str | None,
    verifies: bool,
    fractions: str | None,
    seed: int,
    style: str,
    as_json: bool,
) -> int:
    """List the datasets, or the tracks of DATASET.

    DATASET is name:key=value,... or a folder with one folder a track.
    """
    registry = discover(ctx)
    if dataset is None:
        if verifies or fractions is not None:
            raise click.UsageError("--verify and --split need a DATASET")
        _print_datasets(registry, as_json)
        return 0
    if verifies and fractions is not None:
        raise click.UsageError("--verify and --split are two commands; give one of them")
    declared = declared_dataset(dataset, registry)
    if verifies:
        return _print_faults(declared, style, as_json)
    if fractions is not None:
        _print_split(declared, fractions, seed, as_json)
    else:
        _print_tracks(declared, style, as_json)
    return 0


def _print_datasets(registry: Registry, as_json: bool) -> None:
    specs = [registry.datasets[name] for name in sorted(registry.datasets)]
    if as_json:
        print_json([_entry(registry, spec) for spec in specs])
        return
    formatter = click.HelpFormatter(width=100)
    formatter.write_dl([(spec.name, spec.summary + (spec.remedy and f" ({spec.remedy})")) for spec in specs])
    click.echo(formatter.getvalue(), nl=False)


def _entry(registry: Registry, spec: DatasetSpec) -> dict[str, Any]:
    origin = registry.origin(spec)
    return {
        "name": spec.name,
        "summary": spec.summary,
        "reference": spec.reference,
        "plugin": origin.name if origin else None,
        "available": spec.available,
        "extra": spec.extra,
    }


def _print_tracks(dataset: Dataset, style: str, as_json: bool) -> None:
    with progress(style, dataset.name) as reporter, kept_from_stdout(), Run(reporter=reporter) as run:
        tracks = list(dataset.tracks())
        rows = [_described(tracks[index]) for index in run.steps(len(tracks), "read")]
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table()
    for column in ("track", "sources", "known", "split"):
        table.add_column(column, overflow="fold")
    for column in ("s", "Hz", "channels"):
        table.add_column(column, justify="right")
    for row in rows:
        known = ["score"] * row["score"] + ["f0"] * bool(row["f0"])
        shape = ("?" if row[key] is None else f"{row[key]:g}" for key in ("seconds", "sample_rate", "channels"))
        table.add_row(row["name"], ", ".join(row["sources"]), ", ".join(known), row["split"] or "", *shape)
    console(folds=False).print(table)


def _described(track: Track) -> dict[str, Any]:
    channels, seconds, sample_rate = _shape(track)
    return {
        "name": track.name,
        "sources": list(track.sources),
        "seconds": seconds,
        "sample_rate": sample_rate,
        "channels": channels,
        "score": track.score is not None,
        "f0": list(track.f0),
        "group": track.group,
        "split": track.split,
    }


def _shape(track: Track) -> tuple[int | None, float | None, int | None]:
    """Channels, seconds and rate of the mixture or else a stem; of a file by its header. None when it is broken."""
    from sepkit.music.recordings.sound import streamed

    place = track.mixture or next(iter(track.stems.values()), None)
    try:
        if isinstance(place, Path):
            with streamed(place) as stream:
                samples = stream.announced
                seconds = None if samples is None else round(samples / stream.sample_rate, 3)
                return stream.channels, seconds, stream.sample_rate
        audio = track.load_mixture() if place is None else place()
        return audio.channels, round(audio.duration_s, 3), audio.sample_rate
    except SepkitError:
        return None, None, None


def _print_faults(dataset: Dataset, style: str, as_json: bool) -> int:
    from sepkit.evaluation.verify import verify

    # Whatever a plugin prints must not get between the results on stdout.
    with progress(style, dataset.name) as reporter, kept_from_stdout():
        faults = verify(dataset, reporter)
    counts = Counter(fault.severity for fault in faults)
    if as_json:
        print_json([asdict(fault) for fault in faults])
    else:
        for fault in faults:
            click.echo(f"{fault.severity:<6}  {' '.join(filter(None, (fault.track, fault.part)))}: {fault.message}")
        click.echo(f"{counts['broken']} broken, {counts['note']} to note")
    return 1 if counts["broken"] else 0


def _print_split(dataset: Dataset, fractions: str, seed: int, as_json: bool) -> None:
    from sepkit.evaluation.splits import split

    with kept_from_stdout():
        divided = split(dataset.tracks(), *_fractions(fractions), seed)
    parts = {part: [track.name for track in members] for part, members in divided.items()}
    if as_json:
        print_json(parts)
        return
    for part, names in parts.items():
        click.echo(f"{part} ({len(names)})")
        for name in names:
            click.echo(f"  {name}")


def _fractions(text: str) -> tuple[float, float, float]:
    try:
        train, valid, test = map(float, text.split(","))
    except ValueError as error:
        raise ConfigError(f"--split needs three fractions like 0.8,0.1,0.1, given '{text}'") from error
    return train, valid, test
