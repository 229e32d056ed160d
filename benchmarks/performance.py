"""The whole page of performance, as Markdown: CPU time and memory of methods, solvers and metrics::

OMP_NUM_THREADS=1 python benchmarks/performance.py RECORDING [--before COMMIT] [--peers PYTHON] [--only SECTION ...]

Seconds are of processor time, as the system counts it for a process of its own for each figure, so that other work on
the machine changes them little. With ``--before`` the same is measured in a worktree of an older commit, in turns, and
the last column is the ratio. Packages of others are run by the interpreter that ``--peers`` names, by default this one,
and left out with a word where they are not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
TASKS = Path(__file__).with_name("performance_tasks.py")
TARGETS = (0.10, 0.03, 0.01)
METHODS = ("nmf", "score-nmf", "hpss", "nmfd", "nae", "flow-sgld")
SOLVERS = {"Frobenius": ("2", "hals", "cd"), "Kullback-Leibler": ("1", "mue", "mu")}
Curve = list[tuple[float, float]]


class Tree:
    """A checkout, and the interpreter that runs it.

    Parameters
    ----------
    root : Path
    given : argparse.Namespace
        The options of the command line.
    python : str
    """

    def __init__(self, root: Path, given: argparse.Namespace, python: str = sys.executable) -> None:
        self.root, self.given, self.python = root, given, python
        self.compiled = Path(tempfile.gettempdir(), f"sepkit-performance-{os.getpid()}", root.name)

    @property
    def methods(self) -> tuple[str, ...]:
        """Those to measure."""
        return tuple(self.given.methods)

    @property
    def peer(self) -> Tree:
        """This checkout, run by the interpreter that has the packages of others."""
        return Tree(self.root, self.given, self.given.peers)

    def run(self, task: str, *arguments: str) -> float | Curve | None:
        """What a task measures in a process of its own; None, with a word, where it cannot be run."""
        sources = [self.root, *sorted(self.root.glob("plugins/*/src"))]
        # Python compiles what it has not compiled before: the first process of each tree does that for the others.
        compiled = {"PYTHONPYCACHEPREFIX": str(self.compiled), "PYTHONDONTWRITEBYTECODE": ""}
        paths = {"PYTHONPATH": os.pathsep.join(map(str, sources)), "MALLOC_MMAP_THRESHOLD_": "65536"}
        done = subprocess.run(
            [self.python, TASKS, self.given.recording, str(self.given.patience), task, *arguments],
            env={**os.environ, **compiled, **paths},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode == -signal.SIGXCPU:
            print(f"{task} {' '.join(arguments)}: left out after {self.given.patience} CPU seconds", file=sys.stderr)
            return None
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
            print(f"{task} {' '.join(arguments)}: left out, {reason}", file=sys.stderr)
            return None
        measured: float | Curve = json.loads(done.stdout.splitlines()[-1])
        return measured


def start_up(trees: list[Tree]) -> None:
    """CPU seconds to separate one second, with everything that is imported."""
    for tree in trees:
        for method in tree.methods:
            tree.run("start", method)
    title = "CPU seconds for one second of music, from the start of Python, the least of three"
    table(title, trees, "start", trees[0].methods, runs=3)


def commands(trees: list[Tree]) -> None:
    """CPU seconds of the command, from the start of Python to the written stems."""
    for seconds, runs in ((1, 3), (15, 2)):
        title = f"CPU seconds of `sepkit run` on {seconds} s of music, the least of {runs}"
        table(title, trees, "command", trees[0].methods, str(seconds), runs=runs)


def minutes(trees: list[Tree]) -> None:
    """CPU seconds to separate."""
    table("CPU seconds for half a minute of music, default options", trees, "minute", trees[0].methods)


def memory(trees: list[Tree]) -> None:
    """Memory that grows with the recording; without ``--methods`` of all that can be asked."""
    chosen = trees[0].methods if trees[0].methods != METHODS else everyone()
    table("MiB of the process's own memory for each minute of a channel at 44.1 kHz", trees, "memory", chosen)


def periods(trees: list[Tree]) -> None:
    """The periods that flow-sgld starts from."""
    table("CPU seconds for the periodic starts of four seconds", trees, "periods", ("flow-sgld",))


def factorisation(trees: list[Tree]) -> None:
    """CPU seconds until the objective is near the best that any contender finds."""
    peer, longest = trees[0].peer, str(trees[0].given.longest)
    for title, (beta, ours, theirs) in SOLVERS.items():
        named = [(f"`{ours}`", trees[0], ours)]
        named += [(f"`{ours}` before", tree, ours) for tree in trees[1:]]
        named += [(f"scikit-learn `{theirs}`", peer, f"sklearn:{theirs}"), ("torchnmf", peer, "torchnmf")]
        curves = {name: curve for name, tree, solver in named if (curve := tree.run("curve", beta, solver, longest))}
        best = min(objective for curve in curves.values() for _, objective in curve)
        print(f"\n| {title}: CPU seconds | +10 % | +3 % | +1 % |\n| --- | ---: | ---: | ---: |")
        for name, curve in curves.items():
            cells = " | ".join(seconds_to(curve, best * (1 + share)) for share in TARGETS)
            print(f"| {name} | {cells} |", flush=True)


def metrics(trees: list[Tree]) -> None:
    """BSS Eval of one minute of four stereo stems."""
    ours, theirs = trees[0].run("bss", "sepkit"), trees[0].peer.run("bss", "museval")
    print("\n| BSS Eval of 60 s of four stereo stems | CPU seconds |\n| --- | ---: |")
    for name, seconds in (("`bss-eval`", ours), ("museval", theirs)):
        print(f"| {name} | {shown(seconds)} |")
    if isinstance(ours, float) and isinstance(theirs, float):
        print(f"| ratio | {theirs / ours:.1f} |", flush=True)


def everyone() -> tuple[str, ...]:
    """Methods that need no true stems and no weights but those that come with them, and are no baselines nor made of
    others; those that declare `streams` first.
    """
    from sepkit import Registry

    specs = [
        spec
        for spec in Registry.discover().separators.values()
        if not {"yardstick", "references"} & {*spec.traits, *spec.needs}
        and spec.name != "ensemble"
        and ("weights" not in spec.needs or any(weights.ships for weights in spec.weights))
    ]
    return tuple(spec.name for spec in sorted(specs, key=lambda spec: ("streams" not in spec.traits, spec.name)))


SECTIONS = {
    "start-up": start_up,
    "commands": commands,
    "methods": minutes,
    "memory": memory,
    "periods": periods,
    "factorisation": factorisation,
    "metrics": metrics,
}


def table(title: str, trees: list[Tree], task: str, rows: tuple[str, ...], *also: str, runs: int = 1) -> None:
    """A row for each, a column for each tree, and the ratio."""
    columns = ["now", "before", "now / before"] if len(trees) > 1 else ["now"]
    print(f"\n| {title} | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
    for row in rows:
        # In turns, since whatever else the machine does comes and goes.
        turns = [[tree.run(task, row, *also) for tree in trees] for _ in range(runs)]
        values = [min(figures, key=lambda figure: (figure is None, figure)) for figures in zip(*turns, strict=True)]
        cells = [shown(value) for value in values]
        if len(values) > 1:
            now, before = values
            known = isinstance(now, float) and isinstance(before, float) and before > 0
            cells.append(f"{now / before:.2f}" if known else "")
        print(f"| `{row}` | {' | '.join(cells)} |", flush=True)


def shown(value: float | Curve | None) -> str:
    """A figure in its cell."""
    return f"{value:.2f}" if isinstance(value, float) else "-"


def seconds_to(curve: Curve, goal: float) -> str:
    """When a curve, linear between its points, reaches a goal."""
    before = (0.0, float("inf"))
    for seconds, objective in curve:
        if objective <= goal:
            share = (before[1] - goal) / (before[1] - objective) if before[1] < float("inf") else 1.0
            return f"{before[0] + share * (seconds - before[0]):.2f}"
        before = (seconds, objective)
    return f"> {curve[-1][0]:.0f}"


@contextmanager
def checkout(commit: str | None) -> Iterator[list[Path]]:
    """This tree, and a worktree of an older commit if one is named."""
    if commit is None:
        yield [ROOT]
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "before"
        git = ["git", "-C", ROOT, "worktree"]
        subprocess.run([*git, "add", "--detach", place, commit], check=True, capture_output=True)
        try:
            yield [ROOT, place]
        finally:
            subprocess.run([*git, "remove", "--force", place], check=True, capture_output=True)


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path, help="half a minute of music, or more")
    parser.add_argument("--before", metavar="COMMIT")
    parser.add_argument("--peers", metavar="PYTHON", default=sys.executable, help="has scikit-learn, torchnmf, museval")
    parser.add_argument("--methods", nargs="+", default=METHODS, metavar="METHOD")
    parser.add_argument("--patience", type=int, default=1800, metavar="S", help="CPU seconds for a figure at most")
    parser.add_argument("--longest", type=float, default=25.0, metavar="S", help="of a run of a factorisation")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    given = parser.parse_args()
    with checkout(given.before) as roots:
        trees = [Tree(root, given) for root in roots]
        for section in given.only:
            SECTIONS[section](trees)


if __name__ == "__main__":
    main()
