"""Digests of all that a result depends on: files, signals, scores, F0 tracks and the files that options name.

All are SHA-256 in hexadecimal. Equal contents have equal digests, whatever the files that they came from are called.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from sepkit import large
from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.labels import Label, Labels
from sepkit.music.note import Note
from sepkit.music.score import Score
from sepkit.music.side import SideInformation

MOST_BYTES = 16 << 30
"""More than methods load: digesting whatever else was given by mistake would last for minutes or hours."""
_CHUNK = 1 << 20
_BYTECODE = "__pycache__"


def digest_file(path: Path) -> str:
    """Of the bytes of a file.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    digest = hashlib.sha256()
    _feed(digest, path)
    return digest.hexdigest()


def digest_folder(path: Path, without: Collection[str] = ()) -> str:
    """Of the files in a folder, with their names and what is in them; bytecode that Python left there is none of it.

    Parameters
    ----------
    path : Path
    without : collection of str
        Folders directly in it that do not count.

    Raises
    ------
    ConfigError
        If one cannot be read.
    """
    digest = hashlib.sha256()
    for file in sorted(_files(path, without)):
        digest.update(file.relative_to(path).as_posix().encode(errors="surrogateescape") + b"\0")
        _feed(digest, file)
    return digest.hexdigest()


def digest_arrays(*arrays: NDArray[Any]) -> str:
    """Of the numbers in arrays, with their types and shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        little = array.dtype.newbyteorder("<")
        digest.update(f"{little.str}{array.shape or (1,)}".encode())
        # Row by row, which gives the same bytes: long arrays are not copied to be in order.
        for row in array if array.ndim > 1 else [array.reshape(-1)]:
            for span in large.spans(len(row)):
                digest.update(np.ascontiguousarray(row[span], little).data)
    return digest.hexdigest()


def digest(value: Audio | Score | F0Track | Labels) -> str:
    """Of samples and rate; of the notes; of times and frequencies; of what is labelled."""
    if isinstance(value, Audio):
        return digest_arrays(np.array(value.sample_rate), value.samples)
    if isinstance(value, F0Track):
        return digest_arrays(value.times_s, value.f0_hz)
    if isinstance(value, Labels):
        return digest_json([[getattr(label, field.name) for field in fields(Label)] for label in value.labels])
    return digest_json([[getattr(note, field.name) for field in fields(Note)] for note in value.notes])


def digest_json(value: Any) -> str:
    """Of plain values, as JSON; keys in any order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest_inputs(mixture: Audio, side_information: SideInformation) -> dict[str, str]:
    """Of the mixture and everything known about it, under names like ``"score"``, ``"f0:violin"``."""
    known = {field.name: getattr(side_information, field.name) for field in fields(side_information)}
    return {"mixture": digest(mixture), **dict(_digested(known))}


def digest_paths(options: Mapping[str, BaseModel]) -> dict[str, str]:
    """Of every file and folder that options name, under names like ``"flow: weights"``; pipes can be read only once.

    Parameters
    ----------
    options : mapping of str to Config
        Those of methods, priors and constraints, by whose they are.

    Raises
    ------
    ConfigError
        If one is there and cannot be read, or holds more than methods load.
    """
    named = paths_of(options)
    for name, path in named.items():
        if is_beyond(path, MOST_BYTES):
            raise ConfigError(
                f"{name}: {path} holds more than {MOST_BYTES >> 30} GiB; give the file or folder that is meant"
            )
    return {name: digest_path(path) for name, path in named.items()}


def paths_of(options: Mapping[str, BaseModel]) -> dict[str, Path]:
    """Every file and folder that is there of those that options name, as of `digest_paths`."""
    found = {f"{what}: {name}": path for what, model in options.items() for name, path in _paths(model)}
    return {name: path for name, path in found.items() if os.path.isfile(path) or os.path.isdir(path)}


def digest_path(path: Path) -> str:
    """Of a file or a folder, whichever it is."""
    return digest_folder(path) if os.path.isdir(path) else digest_file(path)


def is_beyond(path: Path, most_bytes: int) -> bool:
    """Whether a file, or the files in a folder together, are larger; what is far larger is not looked at to its end."""
    files = _files(path, ()) if os.path.isdir(path) else iter([path])
    return any(
        total > most_bytes for total in accumulate(os.stat(file).st_size for file in files if os.path.exists(file))
    )


def _feed(digest: hashlib._Hash, path: Path) -> None:
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; make it readable or give another") from error


def _files(folder: Path, without: Collection[str]) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        left_out = {_BYTECODE, *without} if place == os.fspath(folder) else {_BYTECODE}
        folders[:] = [name for name in folders if name not in left_out]
        yield from (Path(place, name) for name in names if os.path.isfile(os.path.join(place, name)))


def _digested(named: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in named.items():
        if isinstance(value, Mapping):
            yield from _digested(value, f"{above}{name}:")
        elif isinstance(value, (list, tuple)):
            yield from _digested({str(number): one for number, one in enumerate(value)}, f"{above}{name}:")
        elif value is not None:
            yield f"{above}{name}", digest(value)


def _paths(value: Any, above: str = "") -> Iterator[tuple[str, Path]]:
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Path):
        yield above, value
    elif isinstance(value, BaseModel):
        inside = ((name, getattr(value, name)) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, (list, tuple)):
        inside = enumerate(value)
    for name, one in inside:
        yield from _paths(one, f"{above}.{name}" if above else str(name))
