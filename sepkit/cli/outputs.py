"""Options for what `sepkit run` writes, and in which form."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from sepkit.batching.job import Outcome
from sepkit.batching.planning import BY_TRACK
from sepkit.cli.completing import sources
from sepkit.errors import ConfigError
from sepkit.music.encoding import FORMATS

F = TypeVar("F", bound=Callable[..., Any])


def output_options(command: F) -> F:
    """Give a command the options for what is written."""
    for option in reversed(
        (
            click.option(
                "--only",
                multiple=True,
                metavar="NAME",
                help="Write this stem only; may be repeated.",
                shell_complete=sources(),
            ),
            click.option(
                "--without",
                multiple=True,
                metavar="NAME",
                help="Write the mixture without this stem; may be repeated.",
                shell_complete=sources(),
            ),
            click.option(
                "--gain",
                "gains",
                multiple=True,
                metavar="NAME=DB",
                help="Write a remix with this gain; may be repeated.",
            ),
            click.option(
                "--save-variables",
                "variables",
                is_flag=True,
                help="Write templates, activations ... to variables.npz, F0 to f0/<source>.csv.",
            ),
            click.option(
                "--write-score",
                is_flag=True,
                help="Write the notes that the method found to score.mid, one part a source.",
            ),
            click.option(
                "--picture",
                is_flag=True,
                help="Write a picture of mixture, stems and masks to separation.png.",
            ),
            click.option(
                "--format",
                type=click.Choice(list(FORMATS)),
                default="wav",
                show_default=True,
                help="Kind of the files of stems.",
            ),
            click.option(
                "--subtype",
                type=click.Choice(["PCM_16", "PCM_24", "FLOAT"], case_sensitive=False),
                help="Samples in them: FLOAT in wav and PCM_24 in flac if left out. Integers get dither.",
            ),
            click.option(
                "--too-loud",
                type=click.Choice(["refuse", "scale"]),
                default="refuse",
                show_default=True,
                help="What is done about stems above full scale in a format that ends there: nothing is written, or "
                "all are made softer alike.",
            ),
            click.option(
                "--name",
                "pattern",
                default=BY_TRACK,
                show_default=True,
                help="Names of the files in OUTPUT; {parent} is the folder of the mixture.",
            ),
            click.option(
                "--stdout",
                "to_stdout",
                metavar="SOURCE",
                help="Send this stem to standard output, as a file; without -o nothing else is written.",
                shell_complete=sources(),
            ),
        )
    ):
        command = option(command)
    return command


def parse_gains(gains: Sequence[str]) -> dict[str, float]:
    """Gains in dB by stem, from ``NAME=DB``.

    Raises
    ------
    ConfigError
    """
    parsed = {}
    for gain in gains:
        name, equals, value = gain.rpartition("=")
        try:
            parsed[name] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise ConfigError(f"--gain needs NAME=DB, as in left=-6 or voice=-inf, given '{gain}'")
    return parsed


def send_to_stdout(outcomes: Sequence[Outcome], source: str) -> None:
    """Write the file of a stem to standard output.

    Raises
    ------
    ConfigError
        If there is no such stem, or not one recording.
    """
    if len(outcomes) != 1:
        raise ConfigError(f"--stdout takes one recording, given {len(outcomes)}")
    files = outcomes[0].files
    if source not in files:
        raise ConfigError(f"there is no stem '{source}' for --stdout; there are {', '.join(files)}")
    with open(files[source], "rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
