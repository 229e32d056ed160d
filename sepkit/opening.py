"""Opening what a path names: a file as it is, a pipe through a temporary file, a device or a folder not at all.

A pipe (``<(command)``, ``/dev/stdin``, a FIFO) can be read only once and only forwards, and what reads recordings goes
back and forth. So it is first copied to a temporary file, in the folder that ``TMPDIR`` names. Waiting for it has an
end: a FIFO into which nobody writes, or a writer that falls silent for a minute, is an error.
"""

from __future__ import annotations

import os
import selectors
import stat
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sepkit.errors import UserError

_WRITER_S = 5.0
"""How long somebody has to begin to write into a FIFO."""
_PATIENCE_S = 60.0
"""How long a writer may say nothing."""
_TICK_S = 0.05
_PIPE_BYTES = 1 << 33
_BLOCK_BYTES = 1 << 16


@contextmanager
def opened(path: Path, what: str, error: type[UserError]) -> Iterator[BinaryIO]:
    """Open a file or pipe to read its bytes, at any place.

    Parameters
    ----------
    path : Path
        Names that differ only in how accents are coded (NFC, NFD) are the same.
    what : str
        What is wanted of it, for messages: ``"audio file"``.
    error : type
        Of the error to raise.

    Raises
    ------
    UserError
        Of the type `error`, if there is no such file, it is a folder or a device, or a pipe does not deliver. What goes
        wrong within the block is the caller's.
    """
    path = as_spelt(path)
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise error(f"cannot read {path} as {articled(what)}: it is {_kind(mode)}; give a file or a pipe")
        if stat.S_ISFIFO(mode):
            file: BinaryIO = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        else:
            file = open(path, "rb", buffering=0)  # noqa: SIM115
    except FileNotFoundError:
        raise error(f"no such {what}: {path}") from None
    except (OSError, ValueError) as fault:
        raise error(f"cannot read {path} as {articled(what)}: {_reason(fault)}") from fault
    with file:
        if stat.S_ISFIFO(mode):
            try:
                for block in _received(path):
                    file.write(block)
                    if file.tell() > _PIPE_BYTES:
                        raise _Silence(f"more than {_PIPE_BYTES >> 30} GiB come out of it")
                if not file.tell():
                    raise _Silence("nothing comes out of it")
                file.seek(0)
            except OSError as fault:
                remedy = "write it to a file first, and give that"
                raise error(
                    f"cannot read {path} as {articled(what)}: it is a pipe and {_reason(fault)}; {remedy}"
                ) from fault
        yield file


def as_spelt(path: Path) -> Path:
    """`path` as its folder spells it, where that differs from what is asked for only in how accents are coded."""
    if os.path.lexists(path):
        return path
    try:
        alike = [entry for entry in os.listdir(path.parent) if composed(entry) == composed(path.name)]
    except (OSError, ValueError):
        return path
    return path.with_name(alike[0]) if len(alike) == 1 else path


def composed(name: str) -> str:
    """`name` with composed accents (NFC): forms that look alike are one name."""
    return unicodedata.normalize("NFC", name)


def articled(what: str) -> str:
    """``"a score"``, ``"an audio file"``."""
    return f"an {what}" if what[0] in "aeioF" else f"a {what}"


class _Silence(OSError):
    """A pipe that does not deliver."""


def _received(path: Path) -> Iterator[bytes]:
    """What somebody writes into a pipe, until its end."""
    # Without blocking, or opening alone would wait for a writer forever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            connected, since_s = False, time.monotonic()
            while True:
                selector.select(_TICK_S)
                try:
                    block = os.read(descriptor, _BLOCK_BYTES)
                except BlockingIOError:
                    block, connected = None, True
                if block:
                    connected, since_s = True, time.monotonic()
                    yield block
                elif block is not None and connected:
                    return
                elif time.monotonic() - since_s > (_PATIENCE_S if connected else _WRITER_S):
                    raise _Silence("its writer says nothing" if connected else "nobody writes into it")
    finally:
        os.close(descriptor)


def _reason(fault: Exception) -> str:
    return (getattr(fault, "strerror", None) or str(fault) or type(fault).__name__).rstrip(".")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "no regular file"
