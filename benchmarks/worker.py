"""What a warm call of a worker costs beside the command and beside the separation alone.

    OMP_NUM_THREADS=1 python benchmarks/worker.py [--seconds 3] [--calls 10] [METHOD ...]

All are seconds of processor time of user and system: of the command ``sepkit run``, of a call to a worker that has
separated once before (the difference between a worker that was called some times more and one that was not, shared by
the calls), and of reading and separating alone in a process that has everything loaded.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import sepkit
from sepkit import Audio, example
from sepkit.serving.client import Worker

SOURCES = ("a", "b")


def children_s(work: Callable[[], Any]) -> float:
    """Processor time of the processes that a function starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def called(method: str, sources: Sequence[str], mixture: Path, out: Path, calls: int) -> None:
    """A worker from its start to its end, with so many calls."""

    async def host() -> None:
        worker = Worker()
        for number in range(calls):
            asked: dict[str, Any] = {"job": str(number), "mixture": str(mixture), "method": method, "sources": sources}
            await worker.separate(output=str(out), **asked)
        await worker.close()

    asyncio.run(host())


def alone_s(loaded: sepkit.Method, sources: Sequence[str], mixture: Path, calls: int) -> float:
    """Processor time of one separation in this process."""
    loaded.separate(mixture, sources=sources)
    started = time.process_time()
    for _ in range(calls):
        loaded.separate(mixture, sources=sources)
    return (time.process_time() - started) / calls


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("methods", nargs="*", default=["mixture", "hpss", "repet", "nmf", "nae"])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--calls", type=int, default=10)
    given = parser.parse_args()
    print("| method | the command | a warm call | of which separating | the rest | call / command | rest / command |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as place:
        mixture, out = Path(place, "mixture.wav"), Path(place, "out")
        whole = example.load().mixture
        Audio(whole.samples[:, : round(given.seconds * whole.sample_rate)], whole.sample_rate).write(mixture)
        for method in given.methods:
            loaded = sepkit.Method(method)
            sources = () if loaded.spec.sources else SOURCES
            run = [sys.executable, "-m", "sepkit", "run", method, mixture, "-o", out, "--sources", ",".join(sources)]
            quiet = partial(subprocess.run, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            command = children_s(partial(quiet, run))
            calling = partial(called, method, sources, mixture, out)
            first, more = (children_s(partial(calling, calls)) for calls in (1, 1 + given.calls))
            warm, alone = (more - first) / given.calls, alone_s(loaded, sources, mixture, given.calls)
            figures = f"{command:.2f} s | {warm:.3f} s | {alone:.3f} s | {warm - alone:.3f} s"
            shares = " | ".join(f"{100 * part / command:.1f} %" for part in (warm, warm - alone))
            print(f"| `{method}` | {figures} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
