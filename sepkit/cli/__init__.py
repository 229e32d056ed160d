"""The command line. Commands load when they are called, so that `sepkit list` stays fast."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import NoReturn, TextIO

# Nothing else is imported up here: from the first moment on, a command that is stopped says so.


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 a fault, 2 the user's mistake, 3 cancelled."""
    try:
        _on_signals(_interrupt)
        _prepare_streams()
        from sepkit.cli.calling import call

        code = call(sys.argv[1:] if arguments is None else arguments)
        _on_signals(signal.SIG_IGN)
    except KeyboardInterrupt:
        _on_signals(signal.SIG_IGN)
        with suppress(OSError):
            print("sepkit: cancelled; nothing was left half-written", file=sys.stderr)
        code = 3
    sys.exit(_flushed(code))


def _on_signals(action: signal.Handlers | object) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            # Whoever started this with Ctrl-C ignored, in the background of a shell say, goes on ignoring it.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, action)  # type: ignore[arg-type]


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _prepare_streams() -> None:
    """A stream that is missing is read by nobody, and one that lacks a symbol is no reason to fail."""
    for number in range(3):
        if not _is_open(number):
            # Otherwise the next file that is opened would get this number, and all that libraries print.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stdout or _unread()
    sys.stderr = sys.stderr or _unread()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _unread() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _flushed(code: int) -> int:
    """The exit code once all is written, which is not that of success if it could not be."""
    for stream in (sys.stdout, sys.stderr):
        fault = _fault_of_flushing(stream)
        if fault is None:
            continue
        if stream is sys.stdout:
            if code == 0 and not isinstance(fault, BrokenPipeError):
                with suppress(OSError):
                    reason = getattr(fault, "strerror", None) or fault
                    print(f"sepkit: cannot write the results: {reason}", file=sys.stderr)
            # Results that nobody got are none; remarks that nobody reads cost nothing.
            code = code or 1
        with suppress(OSError, ValueError):
            # Python would try again at the end, and complain in words of its own.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _fault_of_flushing(stream: TextIO) -> Exception | None:
    try:
        stream.flush()
    except (OSError, ValueError) as error:
        return error
    return None
