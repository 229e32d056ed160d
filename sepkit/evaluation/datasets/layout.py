"""What the layouts of datasets on disk have in common: folders, tables of numbers, names that tell sources apart."""

from __future__ import annotations

import errno
import stat
from collections import Counter
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import DatasetError, SideInformationError, reason_of
from sepkit.music.f0 import F0Track

_LONGEST_PATH = 200


def dataset_folder(path: Path) -> Path:
    """The folder where a dataset was said to lie, with ``~`` resolved.

    Raises
    ------
    DatasetError
        If there is no such folder, or the system does not let it be looked at.
    """
    try:
        folder = path.expanduser()
    except RuntimeError as error:
        raise DatasetError(f"no such folder: {path}: {error}; give the whole path") from error
    if not is_folder(folder):
        raise DatasetError(f"no such folder: {path}; path needs to be the folder that holds the dataset")
    return folder


def is_folder(path: Path) -> bool:
    """Whether there is such a folder.

    Raises
    ------
    DatasetError
        If the system does not say.
    """
    return stat.S_ISDIR(_mode(path))


def is_file(path: Path) -> bool:
    """Whether there is such a regular file.

    Raises
    ------
    DatasetError
        If the system does not say.
    """
    return stat.S_ISREG(_mode(path))


def entries(folder: Path) -> list[Path]:
    """Files and folders in `folder` that are not hidden, sorted by name.

    Raises
    ------
    DatasetError
        If the system refuses to list it.
    """
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise _refused(folder, error) from error


def files_below(folder: Path) -> list[Path]:
    """All files in `folder` and further down, sorted; hidden ones and those behind links to folders are none of them.

    Raises
    ------
    DatasetError
        If the system refuses to list a folder.
    """
    found: list[Path] = []
    folders = [folder]
    while folders:
        inside = entries(folders.pop())
        folders += [path for path in inside if is_folder(path) and not path.is_symlink()]
        found += [path for path in inside if is_file(path)]
    return sorted(found)


def _mode(path: Path) -> int:
    """Zero where there is nothing, or a link that leads nowhere."""
    try:
        return path.stat().st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return 0
        raise _refused(path, error) from error
    except ValueError as error:
        raise DatasetError(f"no path: {str(path)!r}: {error}") from error


def _refused(path: Path, error: OSError) -> DatasetError:
    # A path that is too long is told by its end.
    return DatasetError(f"cannot look into {str(path)[-_LONGEST_PATH:]}: {error.strerror}; make it readable or move it")


def numbered(names: Iterable[str]) -> list[str]:
    """The same names made distinct: those that occur more than once get a number, ``violin1``, ``violin2``."""
    given = list(names)
    often, taken = Counter(given), set(given)
    distinct = []
    for name in given:
        if often[name] > 1:
            number = next(number for number in count(1) if f"{name}{number}" not in taken)
            name = f"{name}{number}"
            taken.add(name)
        distinct.append(name)
    return distinct


def read_table(path: Path, columns: int) -> NDArray[np.float64]:
    """Read rows of numbers that white space separates [shape=(rows, columns)].

    Raises
    ------
    SideInformationError
        If the file cannot be read or its rows are not of `columns` numbers.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        table = np.array([line.split() for line in lines if line.strip()], np.float64)
    except (OSError, ValueError) as error:
        raise SideInformationError(f"cannot read {path} as a table of numbers: {reason_of(error)}") from error
    if table.ndim != 2 or table.shape[1] != columns:
        raise SideInformationError(f"{path} needs rows of {columns} numbers; is it damaged?")
    return table


def read_f0(path: Path) -> F0Track:
    """Read rows of seconds and Hz, where 0 means unvoiced.

    Raises
    ------
    SideInformationError
    """
    times_s, f0_hz = read_table(path, 2).T
    try:
        return F0Track(times_s, np.where(f0_hz > 0, f0_hz, np.nan))
    except SideInformationError as error:
        raise SideInformationError(f"{path}: {reason_of(error)}") from error
