"""What commands print: JSON that every reader parses, remarks of one line, tables that fit."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from sepkit.errors import MismatchError, one_line

if TYPE_CHECKING:
    from rich.console import Console

_ANY_WIDTH = 10_000
_LEAST_WIDTH = 40


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print strict JSON in ASCII."""
    click.echo(as_json(value, indent=indent))


def as_json(value: Any, *, indent: int | None = 2) -> str:
    """Strict JSON in ASCII, which is the same bytes in whatever encoding the terminal has."""
    return json.dumps(value, indent=indent, ensure_ascii=True, allow_nan=False)


def complain(text: str) -> None:
    """Say one line on stderr; where there is none, or nobody reads it, nothing."""
    with suppress(OSError, ValueError):
        click.echo(f"sepkit: {one_line(text, MismatchError.longest)}", err=True)


def console(*, folds: bool = True, stderr: bool = False, drawn: bool = False) -> Console:
    """Where tables and bars are printed.

    Parameters
    ----------
    folds : bool
        Whether lines that are too long are folded where there is no terminal: prose may be, names that somebody
        searches for may not.
    stderr : bool
        Whether it is stderr, not stdout.
    drawn : bool
        Whether it is drawn on as on a terminal, whatever it is.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # A width of 0, as some programs that run others set it, is none.
    width = max(_LEAST_WIDTH, min(shutil.get_terminal_size().columns, _ANY_WIDTH))
    if not folds and not stream.isatty():
        width = _ANY_WIDTH
    file = cast("TextIO", _Unheeded(stream)) if stderr else None
    return Console(highlight=False, markup=False, emoji=False, file=file, width=width, force_terminal=drawn or None)


class _Unheeded:
    """A stream whose faults are no reason to stop: work is done whether or not anyone sees how far it is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
