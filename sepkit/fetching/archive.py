"""Unpacking archives that strangers made: only files and folders, only below the given one, of bounded size."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from sepkit.errors import WeightsError, reason_of

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    RuntimeError,  # of what is encrypted, or compressed in a way that Python does not know
)
_MOST_FILES = 10_000
_EXPANSION, _SLACK_BYTES = 10, 64 * 2**20
"""Weights are numbers that hardly compress, beside some text that does."""

Member = tuple[str, int, Callable[[], IO[bytes]]]
"""Name within the archive, size in bytes, and what opens it."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar archive into an empty `folder`.

    Raises
    ------
    WeightsError
        If it is damaged, or has a link, a device, a path out of `folder`, the same name twice, or much more in it than
        its size lets expect.
    """
    try:
        left_bytes = _EXPANSION * archive.stat().st_size + _SLACK_BYTES
        for number, (name, size, open_member) in enumerate(_members(archive)):
            left_bytes -= size
            if left_bytes < 0 or number >= _MOST_FILES:
                raise WeightsError(f"{archive.name} would unpack to far more than its size lets expect")
            place = folder / _inside(name, archive)
            place.parent.mkdir(parents=True, exist_ok=True)
            with open_member() as source, open(place, "xb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
    except (FileExistsError, NotADirectoryError) as error:
        raise WeightsError(f"{archive.name} holds two files in one place: {Path(str(error.filename)).name}") from error
    except _DAMAGED as error:
        raise WeightsError(f"{archive.name} is no archive that can be unpacked: {reason_of(error)}") from error


def _members(archive: Path) -> Iterator[Member]:
    """The regular files of an archive, as they come."""
    if archive.suffix.lower() == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir():
                    _require_regular(info.external_attr >> 16, info.filename, archive)
                    # What opens is called before the next one comes.
                    yield info.filename, info.file_size, lambda info=info: zipped.open(info)  # type: ignore[misc]
    else:
        with tarfile.open(archive, "r:*") as tarred:
            for member in tarred:
                if member.isdir():
                    continue
                if not member.isreg():
                    raise WeightsError(f"{archive.name} holds {member.name!r}, which is no regular file")
                yield member.name, member.size, lambda member=member: tarred.extractfile(member)  # type: ignore[misc]


def _require_regular(mode: int, name: str, archive: Path) -> None:
    """A zip archive made on Unix says what kind of file each is; others say nothing."""
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise WeightsError(f"{archive.name} holds {name!r}, which is no regular file")


def _inside(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or set(name) & set("\\:\0"):
        raise WeightsError(f"{archive.name} holds {name!r}, which would lie outside the folder of the weights")
    return path
