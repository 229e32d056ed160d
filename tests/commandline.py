"""Calling the command line from tests, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sepkit.cli import main
from tests.distributions import environment

QUICK = ("--set", "rank=2", "--set", "iterations=2")
"""Options with which `nmf` is done at once."""


@dataclass(frozen=True)
class Outcome:
    """What a call left behind."""

    code: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """Lines on stderr."""
        return self.err.splitlines()


def call(*arguments: str | Path) -> Outcome:
    """Call the command line in this process, which is fast."""
    out, err = io.StringIO(), io.StringIO()
    code: Any = None
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main([str(argument) for argument in arguments])
    except SystemExit as ending:
        code = ending.code
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert isinstance(code, int)
    return Outcome(code, out.getvalue(), err.getvalue())


def spawn(*arguments: str | Path, installed: tuple[str, ...] = (), **settings: Any) -> Outcome:
    """Call the command line in a process of its own."""
    env = environment(*installed, **settings.pop("env", {}))
    done = subprocess.run(
        [sys.executable, "-m", "sepkit", *map(str, arguments)],
        env=env,
        capture_output=True,
        encoding="utf-8",
        **settings,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def script(source: str, *arguments: str | Path, installed: tuple[str, ...] = ()) -> str:
    """Run a Python script in a process of its own, with warnings as errors; what it printed."""
    command = [sys.executable, "-W", "error", "-c", source, *map(str, arguments)]
    done = subprocess.run(command, env=environment(*installed), capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


def hum(seconds: float = 0.25, sample_rate: int = 8000, channels: int = 1) -> np.ndarray:
    """Two tones that take turns [shape=(samples, channels)]."""
    time_s = np.arange(max(1, round(seconds * sample_rate))) / sample_rate
    tones = [np.sin(2 * np.pi * f * time_s) * (np.sin(2 * np.pi * 4 * time_s + phase) > 0) for f, phase in TONES]
    gains = 1 + np.arange(channels)
    return (0.1 * np.sum(tones, axis=0)[:, np.newaxis] / gains).astype(np.float32)


TONES = ((330.0, 0.0), (880.0, np.pi))


def record(path: Path, samples: np.ndarray | None = None, sample_rate: int = 8000, subtype: str = "FLOAT") -> Path:
    """Write a recording [shape=(samples, channels)]."""
    import soundfile

    soundfile.write(path, hum(sample_rate=sample_rate) if samples is None else samples, sample_rate, subtype=subtype)
    return path


def left_behind(path: Path) -> Path:
    """What a process that was killed while it wrote to `path` has left."""
    source = """
import os, signal, sys
from pathlib import Path
from sepkit.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(temporary, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", source, str(path)]
    return Path(subprocess.run(command, env=environment(), capture_output=True, encoding="utf-8").stdout.strip())


def files_below(folder: Path) -> list[str]:
    """Every file and folder below, hidden ones too; none when `folder` does not exist."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
