"""A look at memory: separate mixtures of two lengths in a process of its own, and see how much more the longer takes.

Only a process of its own can be told to give memory back at once. This file is both sides: `memory_probe` starts it as
a script and reads what it prints.
"""

from __future__ import annotations

import importlib
import json
import os
import pickle
import subprocess
import sys
from typing import Any

_LENGTHS = 5 << 17, 5 << 18, 5 << 19
"""In samples: several of the blocks that are worked on at once."""
_NOTHING = 1.0
"""Bytes a sample that two shorter mixtures differ by at most where the longest is not looked at."""
_FIRST = 1 << 16
_LARGE_BYTES = 1 << 18
_MARK = "sepkit-memory:"


def memory_probe(subject: Any) -> float:
    """Bytes of the process's own memory that each further sample of each channel takes.

    Parameters
    ----------
    subject : MethodSubject
    """
    from sepkit.testing.outcome import CheckFailed, Skipped

    problem = subject.problem(subject.case(sample_rate=subject.sample_rate or 8000, length=1 << 16))
    try:
        work = pickle.dumps((subject.spec.factory, subject.config, problem, subject.weights))
    except Exception as error:
        raise Skipped("its options do not pickle; see check 'config-pickles'") from error
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__],
        input=json.dumps({"path": sys.path, "work": work.hex()}),
        capture_output=True,
        encoding="utf-8",
        # Without it, memory that was freed is kept for later, now more and now less of it.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if not lines:
        complaint = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise CheckFailed(f"a process of its own ended with {done.returncode} while separating minutes: {complaint}")
    peaks: list[int | None] = json.loads(lines[-1].removeprefix(_MARK))
    if None in peaks:
        raise Skipped("this system does not tell how much memory is a process's own")
    return _grown([peak or 0 for peak in peaks]) / float(problem.mixture.channels)


def _grown(peaks: list[int]) -> float:
    """Bytes that each further sample takes, between the last two of the first lengths."""
    shorter, longer = _LENGTHS[len(peaks) - 2 : len(peaks)]
    return (peaks[-1] - peaks[-2]) / (longer - shorter)


def _child() -> None:
    task = json.loads(sys.stdin.read())
    sys.path[:] = task["path"]
    factory, config, problem, weights = pickle.loads(bytes.fromhex(task["work"]))
    module, _, attribute = factory.partition(":")
    separator = getattr(importlib.import_module(module), attribute)(config)
    from sepkit import large
    from sepkit.problem.run import Run

    with Run(device="cpu") as run:
        separator.load(weights, run)
    with large.mapped_beyond(_LARGE_BYTES):
        # What is loaded only when a first mixture is separated is no growth.
        _peak(separator, problem, _FIRST)
        peaks = [_peak(separator, problem, length) for length in _LENGTHS[:2]]
        if _grown([peak or 0 for peak in peaks]) > _NOTHING * problem.mixture.channels:
            peaks.append(_peak(separator, problem, _LENGTHS[2]))
    print(f"\n{_MARK}{json.dumps(peaks)}")


def _peak(separator: Any, problem: Any, length: int) -> int | None:
    """The most memory of its own that the process holds while a mixture of so many samples is separated."""
    from dataclasses import replace

    import numpy as np

    from sepkit import large
    from sepkit.evaluation.benchmarking.memory import OwnMemory
    from sepkit.music.audio import Audio
    from sepkit.problem.run import Run

    short = problem.mixture
    samples = large.empty((short.channels, length))
    for span in large.spans(length):
        samples[:, span] = np.resize(short.samples[0], span.stop - span.start)
    # True stems of the length of the short one fit no other.
    known = replace(problem.for_statements, references={})
    long = replace(problem, mixture=Audio(samples, short.sample_rate), for_statements=known)
    with Run(device="cpu") as run, OwnMemory() as own:
        separator.separate(long, run)
    return own.peak


if __name__ == "__main__":
    _child()
