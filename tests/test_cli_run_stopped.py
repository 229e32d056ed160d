"""`sepkit run` that is stopped while files move: the result from before or the new one, never a mixture of both."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commandline import QUICK, call, files_below, record
from tests.distributions import environment

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")

SEND = """
import os, signal, sys
import sepkit.files
from sepkit.cli import main

# Also where the tests themselves run in the background, which ignores Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
replace, calls = os.replace, 0

def replacing(source, place):
    global calls
    calls += 1
    if calls == int(sys.argv[1]):
        os.kill(os.getpid(), int(sys.argv[2]))
    replace(source, place)

os.replace = replacing
main(sys.argv[3:])
"""
MOVES = 6
"""Three files that go, three that come."""


def run(*more: str) -> tuple[str, ...]:
    return ("run", "nmf", "mix.wav", "-o", "out", *QUICK, *more)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record(Path("mix.wav"))
    assert call(*run("--sources", "a,b", "--seed", "1")).code == 0


def stopped(move: int, number: signal.Signals) -> int:
    """The exit code of a run over the result of another, to which a signal is sent before one of its moves."""
    script = [sys.executable, "-c", SEND, str(move), str(int(number)), *run("--sources", "a,c", "--seed", "2")]
    return subprocess.run(script, env=environment(), capture_output=True).returncode


def state() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("out/mix").iterdir()}


@pytest.mark.parametrize("move", range(1, MOVES + 1))
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_the_old_result_or_the_new_one(move: int, number: signal.Signals) -> None:
    old = state()
    assert stopped(move, number) == 3
    found = state()
    if found != old:
        written = json.loads(found["separation.json"])
        assert (written["seed"], written["sources"]) == (2, ["a", "c"])
        assert set(found) == {"a.wav", "c.wav", "separation.json"}
        assert {name: hashlib.sha256(found[name]).hexdigest() for name in written["digests"]} == written["digests"]
    assert not [name for name in files_below(Path("out")) if name.endswith(".partial")]


@pytest.mark.parametrize("move", range(1, MOVES + 1))
def test_a_kill_leaves_nothing_that_looks_like_a_result_and_is_none(move: int) -> None:
    assert stopped(move, signal.SIGKILL) == -signal.SIGKILL
    found = state()
    if "separation.json" in found:
        written = json.loads(found["separation.json"])
        assert set(written["files"].values()) | {"separation.json"} == set(found)
        assert {name: hashlib.sha256(found[name]).hexdigest() for name in written["digests"]} == written["digests"]
    assert call(*run("--sources", "a,c", "--seed", "2")).code == 0
    assert not [name for name in files_below(Path("out")) if name.endswith(".partial")]
