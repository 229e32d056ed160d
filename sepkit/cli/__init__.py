"""The command line. Commands load when they are called, so that `sepkit list` stays fast."""

from __future__ import annotations

import io
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import click

from sepkit.cli.group import root
from sepkit.errors import Cancelled, SepkitError


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 a fault, 2 the user's mistake, 3 cancelled."""
    arguments = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names and symbols that the terminal's encoding lacks are no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
    except (KeyboardInterrupt, click.Abort, Cancelled):
        _complain("cancelled; nothing was left half-written")
        code = Cancelled.exit_code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "sepkit"
        _complain(f"{error.format_message()} (see: {command} --help)")
        code = 2
    except SepkitError as error:
        _explain(error, arguments)
        code = error.exit_code
    except OSError as error:
        _explain(error, arguments)
        code = 1
    except Exception as error:
        _explain(error, arguments, fault=True)
        code = 1
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    code = root.main(args=arguments, prog_name="sepkit", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _explain(error: Exception, arguments: list[str], fault: bool = False) -> None:
    if "--debug" in arguments:
        traceback.print_exception(error)
    elif fault:
        _complain(f"{type(error).__name__}: {error}; this is a fault of sepkit; for details run: sepkit --debug ...")
    else:
        _complain(str(error))


def _complain(message: str) -> None:
    click.echo(f"sepkit: {' '.join(message.split())}", err=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
