"""Arrays that may be larger than memory: beyond a size, each or together, they are mapped from temporary files.

A mapped array is an array like any other. Its pages are not the process's own: the system writes them to the file and
takes them back when it wants the memory for something else. The file has no name from the start and its room on the
disk is taken at once, so nothing is left of it however the process ends, and a full disk is an error and no crash.
"""

from __future__ import annotations

import math
import mmap
import os
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sepkit.errors import WriteError

T = TypeVar("T")

_most_bytes = 1 << 26
"""Of an array in memory of the process's own; three minutes of music stay within it."""
_TOGETHER = 2
"""So many times that for all that live at a time: methods hold a dozen arrays as long as the recording."""
_COUNTED = 8
"""Arrays of less than this part of it are no matter: they are many, and each file has its cost."""

_in_memory: weakref.WeakValueDictionary[int, NDArray[Any]] = weakref.WeakValueDictionary()
_mapped: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_COPIED = 1 << 20
_PACE_S = 0.1
"""Between two times that pages are let go: to take all of them back costs as much as the work on some blocks."""

_released_at = 0.0


def empty(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """An array of any values, in memory or, when it or all that are held are large, mapped from a file.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype

    Raises
    ------
    WriteError
        If there is no room on the disk.
    """
    return _made(np.empty, shape, dtype)


def zeros(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """As `empty`, all zero."""
    # Files start as zeros: to write them would only make work for the disk.
    return _made(np.zeros, shape, dtype)


def copied(values: NDArray[Any], dtype: DTypeLike | None = None) -> NDArray[Any]:
    """A copy of an array, of its type or another."""
    copy = empty(values.shape, values.dtype if dtype is None else dtype)
    for span in spans(values.shape[-1], rows=math.prod(values.shape[:-1])):
        copy[..., span] = values[..., span]
    return copy


def joined(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32] | None:
    """Blocks that follow each other in time, as one array [shape=(channels, samples)]; None without any.

    Parameters
    ----------
    blocks : iterable of ndarray [shape=(channels, samples)]
        Not one of them is held after it was copied, once they are many.
    """
    held: list[NDArray[np.float32]] = []
    whole: NDArray[np.float32] | None = None
    length = filled = 0
    for block in blocks:
        held.append(block)
        length += block.shape[1]
        if sum(one.nbytes for one in held) > _most_bytes // 2:
            whole, filled, held = _appended(whole, filled, held, 2 * length), length, []
    if whole is None:
        return held[0] if len(held) == 1 else np.concatenate(held, axis=1) if held else None
    whole = _appended(whole, filled, held, length)
    # How long recordings are shows at their end; room that they did not need is given back.
    return whole if whole.shape[1] == length else copied(whole[:, :length])


def spans(length: int, rows: int = 1) -> Iterator[slice]:
    """Slices of an axis of `length`, each a megabyte or few beside so many `rows`; `paced`."""
    size = max(1, _COPIED // max(1, rows))
    yield from paced(slice(start, min(start + size, length)) for start in range(0, length, size))


def peak(samples: NDArray[Any]) -> float:
    """The largest magnitude [shape=(channels, samples)], found without a copy of all of them; 0 of nothing."""
    parts = (samples[:, span] for span in spans(samples.shape[-1], rows=len(samples)))
    return max((max(float(part.max()), -float(part.min())) for part in parts), default=0.0)


def paced(blocks: Iterable[T]) -> Iterator[T]:
    """The same blocks; the pages of mapped arrays are let go meanwhile, again and again."""
    for block in blocks:
        yield block
        release()


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether the values of an array lie in a file."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)


def release() -> None:
    """Let go of the pages of all mapped arrays, unless that was just done: they stay with the system, and come back
    when they are used.
    """
    global _released_at
    # Elsewhere the advice may mean other things. Short recordings have nothing mapped, and blocks are many.
    if len(_mapped) and sys.platform == "linux" and time.monotonic() >= _released_at + _PACE_S:
        _released_at = time.monotonic()
        # Another thread may map an array meanwhile: the next call is soon.
        with suppress(RuntimeError):
            for memory in _mapped:
                memory.madvise(mmap.MADV_DONTNEED)


@contextmanager
def mapped_beyond(most_bytes: int) -> Iterator[None]:
    """Map arrays beyond another size than usual, and twice that together, meanwhile and in all threads: to see in short
    recordings what grows.
    """
    global _most_bytes
    before, _most_bytes = _most_bytes, most_bytes
    try:
        yield
    finally:
        _most_bytes = before


def folder() -> str:
    """Where the files are: ``TMPDIR``, or where a system keeps large temporary files, which need not be on a disk in
    ``/tmp``.
    """
    told = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    usual = "/var/tmp"
    return usual if not told and os.access(usual, os.W_OK) else tempfile.gettempdir()


def _made(make: Callable[..., NDArray[Any]], shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size * _COUNTED < _most_bytes:
        return make(shape, dtype)
    # Whoever has a view of an array holds it too.
    held = sum(array.nbytes for array in (known() for known in _in_memory.valuerefs()) if array is not None)
    if size > _most_bytes or size + held > _TOGETHER * _most_bytes:
        return np.frombuffer(_map(size), dtype).reshape(shape)
    array = make(shape, dtype)
    _in_memory[id(array)] = array
    return array


def _appended(
    whole: NDArray[np.float32] | None, filled: int, held: list[NDArray[np.float32]], room: int
) -> NDArray[np.float32]:
    """`whole`, of which so many samples are `filled`, with the blocks behind them; moved to more `room` if need be."""
    needed = filled + sum(block.shape[1] for block in held)
    if whole is None or whole.shape[1] < needed:
        grown = empty((held[0].shape[0], room))
        if whole is not None:
            grown[:, :filled] = whole[:, :filled]
        whole = grown
    for block in held:
        whole[:, filled : filled + block.shape[1]] = block
        filled += block.shape[1]
    return whole


def _map(size: int) -> mmap.mmap:
    place = folder()
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            _take_room(file.fileno(), size)
            memory = mmap.mmap(file.fileno(), size)
    except OSError as error:
        reason = f"{error.strerror or error}; free some space, or set TMPDIR to a folder that has it"
        raise WriteError(f"{size / 2**30:.2f} GiB of samples to a temporary file in {place}", reason) from error
    _mapped.add(memory)
    return memory


def _take_room(descriptor: int, size: int) -> None:
    """Make the file so large that no page of it can lack room later, when nothing could tell."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    zeros = bytes(_COPIED)
    for start in range(0, size, len(zeros)):
        os.write(descriptor, zeros[: size - start])
