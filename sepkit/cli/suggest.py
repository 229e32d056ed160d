"""``sepkit suggest``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from sepkit.cli.given import f0_files, parse_examples
from sepkit.cli.group import discover
from sepkit.cli.printing import print_json
from sepkit.music.labels import Labels, all_labels
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import LONGEST_NAME
from sepkit.problem.needs import IN_PLAIN_WORDS
from sepkit.solving.suggesting import Suggestions, by_needs, missing


@click.command()
@click.argument("mixtures", nargs=-1, required=True, metavar="MIX [MIX ...]", type=click.Path(path_type=Path))
@click.option("--score", type=click.Path(path_type=Path, exists=True), help="The score, if there is one.")
@click.option("--f0", "f0_paths", multiple=True, type=click.Path(path_type=Path), help="F0 tracks, as for run.")
@click.option("--example", "examples", multiple=True, metavar="NAME=PATH", help="Examples, as for run.")
@click.option("--labels", "label_paths", multiple=True, type=click.Path(path_type=Path), help="Labels, as for run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each mixture.")
@click.pass_context
def command(
    ctx: click.Context,
    mixtures: tuple[Path, ...],
    score: Path | None,
    f0_paths: tuple[Path, ...],
    examples: tuple[str, ...],
    label_paths: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Say which installed methods suit the recordings MIX and what is known of them."""
    given = {
        *({"score"} if score else ()),
        *({"f0"} if f0_files(f0_paths) else ()),
        *({"examples"} if parse_examples(examples) else ()),
        *({"labels"} if all_labels(map(Labels.read, label_paths)) else ()),
    }
    registry = discover(ctx)
    for mixture in mixtures:
        channels, heard = _heard(mixture)
        there = frozenset(given | ({"stereo"} if channels == 2 else set()))
        suggestions = Suggestions.of(registry, there)
        if as_json:
            print_json(_as_json(mixture, there, suggestions), indent=None)
        else:
            click.echo(advice(mixture, heard, there, suggestions), nl=False)


def advise(registry: Registry, mixtures: tuple[Path, ...]) -> str:
    """The advice for recordings of which nothing else is known."""
    pieces = []
    for mixture in mixtures:
        channels, heard = _heard(mixture)
        there = frozenset({"stereo"} if channels == 2 else ())
        pieces.append(advice(mixture, heard, there, Suggestions.of(registry, there)))
    return "".join(pieces)


def advice(mixture: Path, heard: str, given: frozenset[str], suggestions: Suggestions) -> str:
    """What to run, in words."""
    known = " and ".join(IN_PLAIN_WORDS[kind] for kind in sorted(given - {"stereo"}))
    formatter = click.HelpFormatter(width=80)
    formatter.write_text(f"{mixture}: {heard}{f', and {known}' if known else ''}")
    if suggestions.using:
        with formatter.section("Methods that make use of what there is"):
            formatter.write_dl([(spec.name, spec.summary) for spec in suggestions.using], col_max=LONGEST_NAME)
    with formatter.section("Methods that need nothing but the mixture"):
        formatter.write_dl([(spec.name, spec.summary) for spec in suggestions.without], col_max=LONGEST_NAME)
    if suggestions.unfetched:
        with formatter.section("Methods whose weights have to be fetched first"):
            commands = [(name, f"sepkit fetch {weights.name}") for name, weights in suggestions.unfetched.items()]
            formatter.write_dl(commands, col_max=LONGEST_NAME)
    with formatter.section("With more than that"):
        rows = by_needs(suggestions.lacking)
        lines = [(needs, ", ".join(spec.name for spec in specs)) for needs, specs in rows.items()]
        formatter.write_dl(lines, col_max=LONGEST_NAME)
    # A command that is broken into lines cannot be copied.
    return f"{formatter.getvalue()}\nSeparate with: sepkit run METHOD {shlex.quote(str(mixture))} -o DIR\n"


def _heard(mixture: Path) -> tuple[int, str]:
    """Number of channels, and what there is to hear, in words."""
    from sepkit.music.audio import Audio

    audio = Audio.read(mixture)
    channels = "1 channel" if audio.channels == 1 else f"{audio.channels} channels"
    return audio.channels, f"{audio.duration_s:.1f} s, {channels}"


def _as_json(mixture: Path, given: frozenset[str], suggestions: Suggestions) -> dict[str, Any]:
    return {
        "mixture": str(mixture),
        "given": sorted(given),
        "using": [spec.name for spec in suggestions.using],
        "without": [spec.name for spec in suggestions.without],
        "unfetched": {name: weights.name for name, weights in suggestions.unfetched.items()},
        "lacking": {spec.name: list(missing(spec, given)) for spec in suggestions.lacking},
    }
