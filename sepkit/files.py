"""Reading what may be no file at all, writing so that nothing is half-written, file names made from untrusted text.

While something is written it lies under a hidden name that ends in ``.partial`` and tells which process made it, so
that `sweep` can remove what a process that was killed has left.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import threading
import time
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from pathvalidate import sanitize_filename

from sepkit.errors import OutputError, WriteError

_MOST_NAME_BYTES = 120
_FORGOTTEN_AFTER_S = 24 * 3600
_PARTIAL = re.compile(r"\..*\.(?P<host>[0-9a-f]{8})-(?P<process>\d+)-\w+\.partial", re.DOTALL)


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


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path that replaces `path` when the block succeeds.

    Raises
    ------
    WriteError
        If the system refuses to write; `path` is then as it was before.
    """
    if "\0" in str(path):
        raise WriteError(str(path), "no file has a name with a null character in it; choose another")
    if not os.path.isdir(path.parent):
        raise WriteError(str(path), f"there is no folder {path.parent}; make it or choose another place")
    prefix, suffix = partial_name(path.name)
    temporary = path.with_name(f"{prefix}{threading.get_ident()}{suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise WriteError(str(path), _remedied(error)) from error
    except WriteError as error:
        raise WriteError(str(path), error.reason) from error
    finally:
        # Where nothing can be written nothing can be removed either, and the first error is the one to tell.
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def staged_folder(
    folder: Path, record: str | None = None, replaced: Iterable[str] = (), *, within: bool = False
) -> Iterator[Path]:
    """Give an empty temporary folder whose files, and those in folders of it, move into `folder` at the end.

    They do when the block succeeds. Files of the same names are replaced, files that are `replaced` go, others stay; if
    the system refuses in between, all is as it was. What a signal handler raises waits until all have moved. A process
    that is killed leaves no `record`, and so nothing that looks like a result.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    record : str, optional
        The file that describes the others: the old one goes first, the new one comes last.
    replaced : iterable of str
        Files of an earlier result, relative to `folder`.
    within : bool
        Whether the temporary folder lies in `folder`, not beside it.

    Raises
    ------
    WriteError
        If the system refuses to write.
    """
    staging, moving = None, threading.Event()
    try:
        place = folder if within else folder.parent
        place.mkdir(parents=True, exist_ok=True)
        prefix, suffix = partial_name(folder.name)
        staging = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=place))
        (staging / "new").mkdir()
        yield staging / "new"
        names = sorted(path.relative_to(staging / "new") for path in staging.rglob("*") if path.is_file())
        names.sort(key=lambda name: name == Path(record or ""))
        gone = dict.fromkeys([*reversed(names), *map(Path, replaced)])
        # Handlers of signals run on the main thread: on another one nothing that they raise comes in between.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_exchange, staging, folder, names, gone, moving).result()
    except OSError as error:
        raise WriteError(f"to {folder}", _remedied(error)) from error
    except WriteError as error:
        raise WriteError(f"to {folder}", error.reason) from error
    finally:
        if staging is not None and not moving.is_set():
            shutil.rmtree(staging, ignore_errors=True)


def _exchange(staging: Path, folder: Path, names: list[Path], gone: Iterable[Path], moving: threading.Event) -> None:
    """Move what is `gone` to ``staging/old``, then `names` from ``staging/new`` to `folder`; all of it or nothing."""
    moving.set()
    moved: list[tuple[Path, Path]] = []

    def move(name: Path, source: Path, place: Path) -> None:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(source / name, place / name)
        moved.append((source / name, place / name))

    try:
        folder.mkdir(exist_ok=True)
        for name in gone:
            if os.path.isfile(folder / name) or os.path.islink(folder / name):
                move(name, folder, staging / "old")
        for name in names:
            move(name, staging / "new", folder)
    except OSError:
        for source, place in reversed(moved):
            with suppress(OSError):
                os.replace(place, source)
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    for name in gone:
        if len(name.parts) > 1:
            with suppress(OSError):
                (folder / name).parent.rmdir()


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
        with suppress(FileNotFoundError):
            os.lstat(target)
        base = next(place for place in (target, *target.parents) if os.path.lexists(place))
        if base == target and (not base.is_dir() or any(base.iterdir())):
            what = "exists and is not empty" if base.is_dir() else "is no folder"
            raise OutputError(f"{folder} {what}; {remedy}")
        prefix, suffix = partial_name(target.name)
        staging = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=base))
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
                with suppress(OSError):
                    path.unlink()
        shutil.rmtree(staging, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed have left half-written right in `folder`.

    What a process of this machine that still runs is writing stays, and so does what another machine has touched within
    a day.
    """
    with suppress(OSError):
        for path in list(folder.iterdir()):
            found = _PARTIAL.fullmatch(path.name)
            if found and not _may_be_written(path, found["host"], int(found["process"])):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def partial_name(name: str) -> tuple[str, str]:
    """What the name of something half-written begins and ends with; in between comes what makes it the only one."""
    shown = os.fsencode(name)[:_MOST_NAME_BYTES].decode(errors="ignore")
    return f".{shown}.{_host()}-{os.getpid()}-", ".partial"


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode(errors='replace')):08x}"


def _may_be_written(path: Path, host: str, process: int) -> bool:
    if time.time() - path.lstat().st_mtime > _FORGOTTEN_AFTER_S:
        return False
    # On Windows there is no asking: what would ask elsewhere is a Ctrl-C there.
    if host != _host() or os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


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
    except FileExistsError as error:
        raise OutputError(f"cannot write to folder {folder}: it is a file; choose another with -o") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write to folder {folder}: {reason}; choose another with -o") from error


@contextmanager
def writable_folder(folder: Path) -> Iterator[None]:
    """`require_writable`; folders that were made for a block, and that it left empty, go again."""
    # Unlike `Path.exists`, this does not stumble over names that are too long: those are refused in the next line.
    made = [place for place in (folder, *folder.parents) if not os.path.exists(place)]
    require_writable(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            for place in made:
                place.rmdir()


def require_writable_file(path: Path) -> None:
    """Make the folder of `path` and be sure that it can be written, before any work is done.

    Raises
    ------
    OutputError
    """
    require_writable(path.parent)
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write {path}: {reason}; choose another with -o") from error
    if stat.S_ISDIR(found.st_mode):
        raise OutputError(f"cannot write {path}: it is a folder; give the name of a file with -o")


def file_names(names: Iterable[str]) -> dict[str, str]:
    """One safe and distinct file name (no extension, no blanks) for every name.

    Names of sources may come from files that strangers wrote: path separators and whatever a file system forbids are
    left out, and names that then coincide are numbered.
    """
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem = _safe("_".join(_safe(name).lstrip(". ").split())) or "_"
        candidate, count = stem, 1
        while _folded(candidate) in taken:
            count += 1
            candidate = f"{stem}_{count}"
        taken.add(_folded(candidate))
        chosen[name] = candidate
    return chosen


def _safe(name: str) -> str:
    """`name` without what a file system forbids; what it cannot spell, and bytes that are no text, become ``_``."""
    encoding = sys.getfilesystemencoding()
    text = name.encode(encoding, "replace").decode(encoding)
    return sanitize_filename(text, replacement_text="_", max_len=_MOST_NAME_BYTES)


def _folded(name: str) -> str:
    """Equal for names that some file systems take for one: they differ only in case or in how accents are coded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
