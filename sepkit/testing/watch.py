"""Watching a method while it runs: what it prints, warns of, and changes outside itself; all of it is put right."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_SHOWN = 120


@dataclass
class Effects:
    """What was seen, a line each, without repetition."""

    printed: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    random: list[str] = field(default_factory=list)

    def add(self, kind: str, line: str) -> None:
        """Keep a line of one kind."""
        lines = getattr(self, kind)
        if line not in lines:
            lines.append(line)

    def update(self, other: Effects) -> None:
        """Keep all lines of another."""
        for kind, lines in vars(other).items():
            for line in lines:
                self.add(kind, line)


@dataclass(frozen=True)
class _Global:
    """Something that belongs to the whole process."""

    what: str
    look: Callable[[], Any]
    restore: Callable[[Any], object]


def _logging_settings() -> tuple[Any, ...]:
    root = logging.getLogger()
    return list(root.handlers), root.level, root.manager.disable, logging.lastResort


def _restore_logging(state: tuple[Any, ...]) -> None:
    root = logging.getLogger()
    root.handlers[:], level, disabled, logging.lastResort = state
    root.setLevel(level)
    logging.disable(disabled)


def _restore_environment(state: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(state)


def _restore_path(state: list[str]) -> None:
    sys.path[:] = state


def _hooks() -> tuple[Any, ...]:
    return sys.excepthook, sys.unraisablehook, threading.excepthook


def _restore_hooks(state: tuple[Any, ...]) -> None:
    sys.excepthook, sys.unraisablehook, threading.excepthook = state


def _signals() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}


def _restore_signals(state: dict[int, Any]) -> None:
    for number, handler in state.items():
        signal.signal(number, handler)


def _warning_settings() -> tuple[Any, ...]:
    return list(warnings.filters), warnings.showwarning


def _restore_temporary_folder(state: str | None) -> None:
    tempfile.tempdir = state


_SETTINGS = (
    _Global("the root logger", _logging_settings, _restore_logging),
    # What records warnings puts the filters back by itself.
    _Global("the filters of warnings", _warning_settings, lambda state: None),
    _Global("NumPy's handling of floating-point errors", np.geterr, lambda state: np.seterr(**state)),
    _Global("NumPy's print options", np.get_printoptions, lambda state: np.set_printoptions(**state)),
    _Global("the environment", lambda: dict(os.environ), _restore_environment),
    _Global("the working directory", os.getcwd, os.chdir),
    _Global("sys.path", lambda: list(sys.path), _restore_path),
    _Global("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    _Global("the hooks for unhandled exceptions", _hooks, _restore_hooks),
    _Global("the signal handlers", _signals, _restore_signals),
    _Global("the folder of temporary files", lambda: tempfile.tempdir, _restore_temporary_folder),
)


def _numpy_state() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return (name, np.asarray(keys).tobytes(), *rest)


def _restore_numpy(state: tuple[Any, ...]) -> None:
    name, keys, *rest = state
    np.random.set_state((name, np.frombuffer(keys, np.uint32), *rest))  # noqa: NPY002


def _torch_state() -> Any:
    torch = sys.modules.get("torch")
    return None if torch is None else torch.get_rng_state().numpy().tobytes()


def _restore_torch(state: Any) -> None:
    if state is not None:
        torch = sys.modules["torch"]
        torch.set_rng_state(torch.from_numpy(np.frombuffer(state, np.uint8).copy()))


_RANDOM = (
    _Global("Python's global random state", random.getstate, random.setstate),
    _Global("NumPy's global random state", _numpy_state, _restore_numpy),
    _Global("torch's global random state", _torch_state, _restore_torch),
)


@contextlib.contextmanager
def watched(effects: Effects) -> Iterator[None]:
    """Add to `effects` what the block does outside itself, and undo it.

    A block that was the first to import something is not counted: packages such as SciPy and torch change settings when
    they load, once, which is not the doing of the method that uses them. What a method does itself it does again.
    """
    printed = io.StringIO()
    modules = len(sys.modules)
    seen_here = Effects()
    with (
        warnings.catch_warnings(record=True) as warned,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        warnings.simplefilter("always")
        before = [(kind, seen, seen.look()) for kind, group in _GROUPS.items() for seen in group]
        try:
            yield
        finally:
            for kind, seen, state in before:
                if state is not None and seen.look() != state:
                    seen_here.add(kind, seen.what)
                    seen.restore(state)
    for warning in warned or ():
        seen_here.add("warned", _short(f"{warning.category.__name__}: {warning.message}"))
    if printed.getvalue().strip():
        seen_here.add("printed", _short(printed.getvalue()))
    if len(sys.modules) == modules:
        effects.update(seen_here)


_GROUPS = {"settings": _SETTINGS, "random": _RANDOM}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 4]} ..."
