"""One call of the command line, from its arguments to its exit code."""

from __future__ import annotations

import click

from sepkit.cli.group import root
from sepkit.cli.printing import complain
from sepkit.errors import Cancelled, SepkitError, fault_of, reason_of


def call(arguments: list[str]) -> int:
    """Run a command; what goes wrong becomes one line on stderr and an exit code.

    Raises
    ------
    KeyboardInterrupt
        If the user or the system wants it to stop.
    """
    try:
        code = root.main(args=arguments, prog_name="sepkit", standalone_mode=False)
    except (click.Abort, Cancelled) as error:
        raise KeyboardInterrupt from error
    except SystemExit as ending:
        # How click ends when nobody reads what is printed.
        code = ending.code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "sepkit"
        complain(f"{error.format_message()} (see: {command} --help)")
        return 2
    except SepkitError as error:
        _explain(error, arguments)
        return error.exit_code
    except OSError as error:
        # What commands open themselves they name in errors of their own: what is left is where they print to.
        _explain(error if error.filename else OSError(f"cannot write the results: {reason_of(error)}"), arguments)
        return 1
    except Exception as error:
        _explain(error, arguments, fault=True)
        return 1
    return code if isinstance(code, int) else 0


def _explain(error: Exception, arguments: list[str], fault: bool = False) -> None:
    if "--debug" in arguments:
        import traceback

        traceback.print_exception(error)
    elif fault:
        remedy = "this is a fault of sepkit; for details run: sepkit --debug ..."
        complain(f"{fault_of(error)}; {remedy}")
    else:
        complain(reason_of(error))
