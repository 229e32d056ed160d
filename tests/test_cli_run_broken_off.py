"""`sepkit run` that is stopped, or whose disk is full: one line, and nothing half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sepkit.music.encoding import encode
from tests.commandline import QUICK, Outcome, call, files_below, hum, record
from tests.distributions import environment, install
from tests.test_bad_input import RUN, refused


@pytest.fixture(autouse=True)
def _good(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, "good")
    monkeypatch.chdir(tmp_path)
    record(Path("mix.wav"))


@contextmanager
def running() -> Iterator[subprocess.Popen[str]]:
    """A run that takes hours, in a process of its own."""
    endless = ("--set", "rank=30", "--set", "iterations=100000", "--set", "tolerance=0", "--progress", "json")
    command = [sys.executable, "-m", "sepkit", *RUN, *endless]
    process = subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # Whoever started the tests may have it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Until a line on its stderr holds `words`."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended with {process.wait()} before it said {words!r}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_so_and_leaves_nothing(number: signal.Signals) -> None:
    with running() as process:
        wait_for(process, '"done": 3,')
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    complaints = [line for line in err.splitlines() if not line.startswith("{")]
    refused(Outcome(process.returncode, out, "\n".join(complaints)), 3, "cancelled")


def test_a_run_that_is_stopped_between_two_stems_leaves_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(samples: Any, sample_rate: int, path: Path, *how: Any, **more: Any) -> None:
        if path.name == "second.wav":
            raise KeyboardInterrupt
        encode(samples, sample_rate, path, *how, **more)

    monkeypatch.setattr("sepkit.solving.writing.encode", interrupted)
    refused(call("run", "halve", "mix.wav", "-o", "out"), 3, "cancelled")


def test_mixtures_that_were_done_before_a_run_is_stopped_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(samples: Any, sample_rate: int, path: Path, *how: Any, **more: Any) -> None:
        if ".late." in str(path):
            raise KeyboardInterrupt
        encode(samples, sample_rate, path, *how, **more)

    monkeypatch.setattr("sepkit.solving.writing.encode", interrupted)
    done = call("run", "halve", "mix.wav", record(Path("late.wav")), "-o", "out")
    assert (done.code, len(done.complaints)) == (3, 1)
    assert files_below(Path("out")) == ["mix", "mix/first.wav", "mix/second.wav", "mix/separation.json"]


def test_a_run_that_is_stopped_leaves_an_earlier_result_as_it_was() -> None:
    assert call(*RUN, *QUICK).code == 0
    before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    with running() as process:
        wait_for(process, '"done": 3,')
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 3
    assert {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()} == before


def _run_with_files_up_to(size: int, *arguments: str) -> Outcome:
    import resource

    command = [sys.executable, "-m", "sepkit", "run", "halve", "mix.wav", "-o", "out", *arguments]
    done = subprocess.run(
        command,
        env=environment("good"),
        capture_output=True,
        encoding="utf-8",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


# A stem has 8080 bytes: not even a header, half a stem, all but the last sample.
@pytest.mark.parametrize("size", [10, 4096, 8078])
def test_a_full_disk_is_one_line_and_leaves_nothing(size: int) -> None:
    refused(_run_with_files_up_to(size), 1, "cannot write", "out")


def test_a_disk_that_fills_up_with_the_last_file_leaves_nothing() -> None:
    # Stems of one sample fit in, what is told about them does not.
    record(Path("mix.wav"), hum()[:1])
    refused(_run_with_files_up_to(200), 1, "cannot write", "out")


def test_a_full_disk_leaves_an_earlier_result_as_it_was() -> None:
    assert call("run", "halve", "mix.wav", "-o", "out").code == 0
    before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    done = _run_with_files_up_to(4096, "--sources", "first")
    assert (done.code, len(done.complaints)) == (1, 1)
    assert {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()} == before
