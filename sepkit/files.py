"""Reading what may be no file at all, writing so that nothing is half-written, file names made from untrusted text."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pathvalidate import sanitize_filename

from sepkit.errors import OutputError, WriteError


def read_regular(path: Path, most_bytes: int) -> bytes:
    """All bytes of a regular file, which pipes and devices are not: they may have no end.

    Raises
    ------
    OSError
        If it cannot be read, is no regular file, or holds more than `most_bytes`; `strerror` says which.
    """
    # A pipe that nobody writes to would keep a plain open waiting.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        # One byte more than is allowed tells of a file that grew after it was looked at.
        data = b"" if found.st_size > most_bytes else file.read(most_bytes + 1)
        if max(found.st_size, len(data)) > most_bytes:
            raise OSError(errno.EFBIG, f"larger than the {most_bytes} bytes that are read", str(path))
    return data


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path that replaces `path` when the block succeeds.

    Raises
    ------
    WriteError
        If the system refuses to write; `path` is then as it was before.
    """
    if not path.parent.is_dir():
        raise WriteError(str(path), f"there is no folder {path.parent}; make it or choose another place")
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise WriteError(str(path), _remedied(error)) from error
    except WriteError as error:
        raise WriteError(str(path), error.reason) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """Give an empty temporary folder whose files, and those in folders of it, move into `folder` at the end.

    They do when the block succeeds. Files of the same names are replaced one by one, others stay.

    Raises
    ------
    WriteError
        If the system refuses to write.
    """
    staging = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
        yield staging
        folder.mkdir(exist_ok=True)
        for file in sorted(path for path in staging.rglob("*") if path.is_file()):
            place = folder / file.relative_to(staging)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, place)
    except OSError as error:
        raise WriteError(f"to {folder}", _remedied(error)) from error
    except WriteError as error:
        raise WriteError(f"to {folder}", error.reason) from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def new_folder(folder: Path, remedy: str = "choose another with -o") -> Iterator[Path]:
    """Give a temporary folder that becomes `folder`, with all that is below it, when the block succeeds.

    Raises
    ------
    OutputError
        If `folder` is there and not empty, or is no place to write to; the block is not entered then.
    WriteError
        If the system refuses to write; nothing is left then.
    """
    target = Path(os.path.abspath(folder))
    try:
        base = next(place for place in (target, *target.parents) if os.path.lexists(place))
        if base == target and (not base.is_dir() or any(base.iterdir())):
            what = "exists and is not empty" if base.is_dir() else "is no folder"
            raise OutputError(f"{folder} {what}; {remedy}")
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=base))
    except OSError as error:
        raise OutputError(f"cannot write to folder {folder}: {error.strerror}; {remedy}") from error
    moved: list[Path] = []
    try:
        inside = staging / target.relative_to(base)
        inside.mkdir(parents=True, exist_ok=True)
        yield inside
        for child in sorted(staging.iterdir()):
            os.replace(child, base / child.name)
            moved.append(base / child.name)
        moved.clear()
    except OSError as error:
        raise WriteError(f"to {folder}", _remedied(error)) from error
    finally:
        for path in moved:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        shutil.rmtree(staging, ignore_errors=True)


def _remedied(error: OSError) -> str:
    return f"{error.strerror or error}; free some space or choose another place"


def require_writable(folder: Path) -> None:
    """Make `folder` and be sure that files can be made in it, before any work is done.

    Raises
    ------
    OutputError
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write to folder {folder}: {error.strerror}; choose another with -o") from error


def file_names(names: Iterable[str]) -> dict[str, str]:
    """One safe and distinct file name (no extension) for every name.

    Names of sources may come from files that strangers wrote: path separators and whatever a file system forbids are
    left out, and names that then coincide are numbered.
    """
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem = _safe(_safe(name).lstrip(". ")) or "_"
        candidate, count = stem, 1
        while _folded(candidate) in taken:
            count += 1
            candidate = f"{stem}_{count}"
        taken.add(_folded(candidate))
        chosen[name] = candidate
    return chosen


def _safe(name: str) -> str:
    """`name` without what a file system forbids; bytes that could not be read as text become ``_``."""
    text = name.encode(errors="replace").decode()
    return sanitize_filename(text, replacement_text="_", max_len=120)


def _folded(name: str) -> str:
    """Equal for names that some file systems take for one: they differ only in case or in how accents are coded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
