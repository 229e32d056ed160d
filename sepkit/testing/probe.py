"""A look from outside: import, construct and separate in a process of its own, with an audit hook listening.

What is loaded, opened or connected to can only be seen in a process that has not done it yet. This file is both sides:
`probe` starts it as a script and reads what it prints.
"""

from __future__ import annotations

import importlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

HEAVY = (
    "torch",
    "scipy",
    "soundfile",
    "matplotlib",
    "librosa",
    "sklearn",
    "tensorflow",
    "jax",
    "soxr",
    "pretty_midi",
    "numba",
    "pandas",
    "onnxruntime",
    "lightning",
    "transformers",
)
"""Packages that take so long to import that nobody should wait for them before they are needed."""

NOT_IN_HOOKS = (*HEAVY, "numpy", "pydantic", "rich")
"""What is beside that too heavy for a hook module, which every listing imports."""

_CODE = (".py", ".pyc", ".so", ".pyd", ".dll", ".dylib")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.link", "os.symlink")
_NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
_MARK = "sepkit-probe:"


def probe(subject: Any) -> dict[str, Any]:
    """What a process of its own saw of `subject`; one process serves all checks.

    Returns
    -------
    seen : dict
        ``hook``, ``config``: heavy packages that their import loads, None where there is no such module;
        ``opened``: what constructing touched; ``written``, ``connected``: what separating touched; ``error``.
    """
    from sepkit.testing.outcome import Skipped

    if subject.probed is None:
        subject.probed = _look(subject)
    if "missing" in subject.probed:
        raise Skipped(f"{subject.probed['missing']} cannot be imported in a process of its own")
    seen: dict[str, Any] = subject.probed
    return seen


def _look(subject: Any) -> dict[str, Any]:
    from sepkit.testing.outcome import CheckFailed, Skipped
    from sepkit.testing.subject import MethodSubject

    spec = subject.spec
    origin = subject.registry.origin(spec) if subject.registry else None
    task: dict[str, Any] = {"path": sys.path, "hook": origin.module if origin else None}
    work: Any = None
    if isinstance(subject, MethodSubject):
        task |= {"config": spec.config.partition(":")[0], "factory": spec.factory}
        # A script's or a notebook's own classes are nowhere to be imported from.
        if "__main__" in (task["config"], spec.factory.partition(":")[0]):
            return {"missing": "__main__"}
        try:
            lacking = "weights" in spec.needs and subject.weights is None
            work = pickle.dumps((subject.config, subject.problem(subject.case()), subject.weights, lacking))
        except Skipped:
            raise
        except Exception:
            work = None
    if task["hook"] == "__main__":
        task["hook"] = None
    task["work"] = None if work is None else work.hex()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__], input=json.dumps(task), capture_output=True, encoding="utf-8"
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if not lines:
        complaint = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise CheckFailed(
            f"a process of its own ended with {done.returncode} while importing or separating: {complaint}"
        )
    seen: dict[str, Any] = json.loads(lines[-1].removeprefix(_MARK))
    return seen


class _Listener:
    """The audit hook: what is touched while it listens."""

    def __init__(self) -> None:
        self.stage = ""
        self.seen: dict[str, list[str]] = {"opened": [], "written": [], "connected": []}

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.stage:
            return
        if event == "open":
            self._open(arguments)
        elif event in _CHANGES:
            self._add("opened" if self.stage == "construct" else "written", f"{event} {arguments[0]}")
        elif event in _NETWORK:
            # Its addresses are where a socket goes; the socket itself says nothing.
            text = f"{event} {arguments[-1] if event in ('socket.connect', 'socket.bind') else arguments[0]}"
            self._add("opened" if self.stage == "construct" else "connected", text)
        elif event == "subprocess.Popen":
            self._add("opened" if self.stage == "construct" else "written", f"process {arguments[0]}")

    def _open(self, arguments: tuple[Any, ...]) -> None:
        path, _, flags = arguments
        if not isinstance(path, (str, bytes)):
            return
        name = os.fsdecode(path)
        if name.startswith("/dev/") or name.endswith(_CODE):
            return
        if self.stage == "construct":
            self._add("opened", name)
        elif flags & _WRITING:
            self._add("written", name)

    def _add(self, kind: str, what: str) -> None:
        if what not in self.seen[kind]:
            self.seen[kind].append(what)


def _loaded(names: Iterable[str]) -> list[str]:
    return sorted(set(names) & {name.partition(".")[0] for name in sys.modules})


def _child() -> None:
    task = json.loads(sys.stdin.read())
    sys.path[:] = task["path"]
    sys.dont_write_bytecode = True
    seen: dict[str, Any] = {"hook": None, "config": None, "error": None}
    try:
        if task["hook"]:
            importlib.import_module(task["hook"])
            seen["hook"] = _loaded(NOT_IN_HOOKS)
        if task.get("config"):
            importlib.import_module(task["config"])
            # What the hook module dragged in is that module's fault alone.
            seen["config"] = sorted(set(_loaded(HEAVY)) - set(seen["hook"] or ()))
        if task["work"]:
            seen |= _work(task)
    except ModuleNotFoundError as error:
        seen["missing"] = error.name
    except BaseException as error:
        seen["error"] = f"{type(error).__name__}: {error}"
    print(f"\n{_MARK}{json.dumps(seen)}")


def _work(task: dict[str, Any]) -> dict[str, Any]:
    """Construct, load and separate, listening."""
    module, _, attribute = task["factory"].partition(":")
    factory = getattr(importlib.import_module(module), attribute)
    config, problem, weights, only_construct = pickle.loads(bytes.fromhex(task["work"]))
    from sepkit.problem.run import Run

    listener = _Listener()
    sys.addaudithook(listener)
    error = None
    try:
        listener.stage = "construct"
        separator = factory(config)
        listener.stage = ""
        if not only_construct:
            with Run(device="cpu") as run:
                separator.load(weights, run)
            with Run(device="cpu") as run:
                listener.stage = "separate"
                separator.separate(problem, run)
    except BaseException as fault:
        error = f"{type(fault).__name__}: {fault}"
    listener.stage = ""
    return {**listener.seen, "error": error}


if __name__ == "__main__":
    _child()
