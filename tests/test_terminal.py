"""Whatever terminal there is, or none: the same JSON, the same exit code, at most one line of complaint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commandline import Outcome, call, files_below, record
from tests.distributions import environment, install
from tests.test_installed import PLUGIN, put

UNUSUAL = "emoji \U0001f3b8\u00e9.wav"
PLAIN = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C locale": PLAIN,
}


def in_shell(redirection: str, *arguments: str | Path, **settings: str) -> Outcome:
    """Call the command line in a process of its own with some of its streams elsewhere."""
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "sepkit", *map(str, arguments)]
    env = environment("good", **settings)
    done = subprocess.run(shell, env=env, capture_output=True, encoding="utf-8", errors="surrogateescape")
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a mixture with an unusual name lies, and what other commands need."""
    install(monkeypatch, "good")
    monkeypatch.chdir(tmp_path)
    record(tmp_path / UNUSUAL)
    for place in ("estimates", "references"):
        (tmp_path / place).mkdir()
        record(tmp_path / place / "fl\u00fbte.wav")
    stems = tmp_path / "tracks" / "\u00c9tude" / "stems"
    stems.mkdir(parents=True)
    record(stems / "fl\u00fbte.wav")
    return tmp_path


RUN = ("run", "halve", UNUSUAL, "-o", "out", "--sources", "\u00e9,\u03b2")
COMMANDS = {
    "run": (*RUN, "--json"),
    "list": ("list", "--json"),
    "show": ("show", "nmf", "--schema"),
    "plugins": ("plugins", "--json"),
    "datasets": ("datasets", "--json"),
    "tracks": ("datasets", "tracks", "--json"),
    "verify": ("datasets", "tracks", "--verify", "--json"),
    "split": ("datasets", "example", "--split", "0.5,0.25,0.25", "--json"),
    "evaluate": ("evaluate", "estimates", "references", "--metric", "sdr", "--json"),
    "check": ("check", "quiet", "--json"),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_json_is_ascii_whatever_it_tells_of(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert done.out.isascii()
    for line in done.out.splitlines() if arguments[0] == "run" else [done.out]:
        json.loads(line)


@pytest.mark.parametrize("settings", ENCODINGS.values(), ids=ENCODINGS)
def test_json_is_the_same_in_every_encoding(folder: Path, settings: dict[str, str]) -> None:
    done = in_shell("", *RUN, "--json", "--progress", "json", **settings)
    assert done.code == 0, done.err
    written = json.loads(done.out)
    # In the C locale names of files are bytes, which stand in text as lone surrogates.
    names = [written["mixture"], *written["files"].values(), *(json.loads(line)["mixture"] for line in done.complaints)]
    names = [name.encode("utf-8", "surrogateescape").decode() for name in names]
    assert {name for name in names if not name.startswith("out")} == {UNUSUAL}
    assert sum((folder / name).is_file() for name in names if name.startswith("out")) == 2


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("settings", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("arguments", [RUN, ("show", "nmf"), ("datasets", "tracks"), ("list",)], ids=" ".join)
def test_what_people_read_needs_no_symbol_that_the_terminal_lacks(
    settings: dict[str, str], arguments: tuple[str, ...]
) -> None:
    done = in_shell("", *arguments, **settings)
    assert (done.code, done.err) == (0, "")
    assert done.out


WITHOUT = {
    "stderr": "2>&-",
    "stdout": ">&-",
    "stdin": "<&-",
    "any stream": "<&- >&- 2>&-",
    "a reader of stderr": "2>/dev/full",
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("redirection", WITHOUT.values(), ids=WITHOUT)
@pytest.mark.parametrize(
    "arguments",
    [
        RUN,
        (*RUN, "--progress", "bar"),
        (*RUN, "--progress", "json"),
        ("evaluate", "estimates", "references", "--metric", "sdr"),
        ("datasets", "tracks"),
        ("show", "nmf"),
    ],
    ids=" ".join,
)
def test_commands_work_without(folder: Path, redirection: str, arguments: tuple[str, ...]) -> None:
    done = in_shell(redirection, *arguments)
    assert done.code == 0
    assert done.err == "" or "--progress" in arguments
    if arguments[0] == "run":
        assert len(files_below(folder / "out")) == 4


def test_a_mistake_without_stderr_is_told_by_the_exit_code(folder: Path) -> None:
    assert in_shell("2>&-", "run", "halve", "none.wav", "-o", folder / "out").code == 2


def test_without_streams_no_file_that_is_opened_takes_their_place(tmp_path: Path) -> None:
    opens = "import os\nopen(os.environ['SEEN'], 'w').write(str(os.open(__file__, os.O_RDONLY)))\n"
    place = put(tmp_path / "place", plugin=opens + PLUGIN)
    done = in_shell("<&- >&- 2>&-", "list", PYTHONPATH=str(place), SEEN=str(tmp_path / "seen"))
    assert done.code == 0
    assert int((tmp_path / "seen").read_text()) > 2


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("arguments", [RUN, (*RUN, "--progress", "json"), ("list",), ("show", "nfm")], ids=" ".join)
def test_streams_that_nobody_reads_cause_no_complaint(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([sys.executable, "-m", "sepkit", *arguments], env=environment("good"), stderr=writing)
    finally:
        os.close(writing)
    assert done.returncode == (2 if arguments[0] == "show" else 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("list",), ("show", "nmf"), ("plugins", "--json"), ("--help",)], ids=" ".join)
def test_results_that_cannot_be_written_are_one_line(unbuffered: str, arguments: tuple[str, ...]) -> None:
    done = in_shell(">/dev/full", *arguments, PYTHONUNBUFFERED=unbuffered)
    assert (done.code, len(done.complaints)) == (1, 1)
    assert done.err == "sepkit: cannot write the results: No space left on device\n"


@pytest.mark.parametrize("columns", ["0", "1", "-3", "wide", "1000000000"])
@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("show", "nmf"), "iterations"), (("evaluate", "estimates", "references", "--metric", "sdr"), "fl\u00fbte")],
    ids=["show", "evaluate"],
)
def test_tables_are_readable_at_any_width(folder: Path, columns: str, arguments: tuple[str, ...], word: str) -> None:
    done = in_shell("", *arguments, COLUMNS=columns)
    assert (done.code, done.err) == (0, "")
    assert word in done.out
    assert max(map(len, done.out.splitlines())) < 10_000


@pytest.mark.parametrize("columns", ["0", "80"])
def test_a_bar_is_drawn_at_a_terminal(folder: Path, columns: str) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sepkit", *RUN, "--set", "steps=3"]
    env = environment("good", TERM="xterm", COLUMNS=columns)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        drawn = b""
        try:
            while chunk := os.read(ours, 1 << 16):
                drawn += chunk
        except OSError:
            pass  # How Linux tells that the other end is closed.
        finally:
            os.close(ours)
    assert process.returncode == 0
    assert "emoji" in drawn.decode(errors="replace")
    assert "3/3" in drawn.decode(errors="replace")
