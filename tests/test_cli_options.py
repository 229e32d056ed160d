"""Options from files and from the command line, whatever the file is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.commandline import QUICK, call, files_below, record
from tests.distributions import install


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, "good")
    monkeypatch.chdir(tmp_path)
    record(Path("mix.wav"))
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("deep.json").write_text('{"rank": ' + "[" * 100_000 + "]" * 100_000 + "}")
    Path("nested.json").write_text('{"rank": ' + "[" * 200 + "]" * 200 + "}")
    Path("huge.json").write_text('{"rank": 2, "x": "' + "x" * (1 << 20) + '"}')
    Path("digits.json").write_text('{"rank": ' + "9" * 5000 + "}")
    Path("twice.json").write_text('{"rank": 2, "rank": 3}')
    Path("binary.json").write_bytes(bytes(range(256)))
    Path("empty.json").write_bytes(b"")


REFUSED = {
    "pipe": "no regular file",
    "/dev/zero": "no regular file",
    "/dev/null": "no regular file",
    "folder": "Is a directory",
    "none.json": "No such file",
    "x" * 300: "too long",
    "deep.json": "nested",
    "nested.json": "nested",
    "huge.json": "larger than",
    "digits.json": "digits",
    "twice.json": "'rank' twice",
    "binary.json": "not JSON",
    "empty.json": "not JSON",
}


@pytest.mark.parametrize(("file", "words"), REFUSED.items(), ids=lambda value: value[:12])
@pytest.mark.parametrize(
    "command", [("run", "nmf", "mix.wav"), ("benchmark", "nmf", "example"), ("train", "nae", "example")], ids=" ".join
)
def test_a_file_that_holds_no_options_is_one_line(file: str, words: str, command: tuple[str, ...]) -> None:
    done = call(*command, "-o", "out", "--config", file)
    assert (done.code, done.out, len(done.complaints)) == (2, "", 1)
    assert words in done.err
    assert len(done.err) < 350
    assert files_below(Path("out")) == []


def test_options_are_read_as_editors_write_them() -> None:
    Path("bom.json").write_bytes(b"\xef\xbb\xbf" + b'{"rank": 2, "iterations": 1}')
    assert call("run", "nmf", "mix.wav", "-o", "out", "--config", "bom.json").code == 0


@pytest.mark.parametrize(
    "value", ["[" * 100_000, "[" * 300 + "]" * 300, "9" * 100_000, '{"a":' * 5000, "\x1b[31m", "a\nb"]
)
def test_a_value_that_cannot_be_is_one_short_line(value: str) -> None:
    done = call("run", "nmf", "mix.wav", "-o", "out", "--set", f"rank={value}")
    assert (done.code, len(done.complaints)) == (2, 1)
    assert len(done.err) < 350
    assert "\x1b" not in done.err


def test_a_file_whose_name_is_a_number_is_a_file() -> None:
    for name in ("2024", "1e5"):
        record(Path("tone.wav")).rename(name)
    examples = ("--example", "low=2024", "--example", "high=1e5")
    done = call("run", "nmf", "mix.wav", "-o", "out", *QUICK, *examples)
    assert "2024" in done.err or done.code == 0
    assert "valid path" not in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "halve", "x" * 300, "-o", "out"),
        ("run", "halve", "\u00e9" * 200 + ".wav", "-o", "out"),
        ("run", "halve", "mix.wav", "-o", "x" * 300),
        ("run", "halve", "mix.wav", "-o", "out", "--weights", "x" * 300),
        ("run", "halve", "mix.wav", "-o", "out", "--score", "x" * 300 + ".mid"),
        ("run", "halve-by-f0", "mix.wav", "-o", "out", "--f0", "x" * 300),
        ("run", "halve", "mix.wav", "-o", "out", "--references", "x" * 300),
        ("evaluate", "x" * 300, "folder"),
        ("evaluate", "folder", "x" * 300),
        ("datasets", "./" + "x" * 300),
        ("benchmark", "halve", "./" + "x" * 300, "-o", "out"),
        ("train", "nae", "./" + "x" * 300, "-o", "out"),
        ("align", "x" * 300, "a.mid", "-o", "a.mid"),
        ("align", "mix.wav", "x" * 300 + ".mid", "-o", "out/a.mid"),
        ("align", "mix.wav", "a.mid", "-o", "x" * 300 + ".mid"),
        ("new", "hum", "-o", "x" * 300),
    ],
    ids=lambda words: " ".join(word[:8] for word in words),
)
def test_a_name_that_is_too_long_is_the_users_mistake(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert (done.code, done.out, len(done.complaints)) == (2, "", 1), done.err
    assert "fault" not in done.err
    assert len(done.err) < 400


@pytest.mark.parametrize("length", [120, 250])
def test_a_name_that_is_as_long_as_can_be_works(length: int) -> None:
    name = "\u00e9" * ((length - 4) // 2) + ".wav"
    record(Path("tone.wav")).rename(name)
    done = call("run", "halve", name, "-o", "out", "--sources", "\u00e9" * 300 + ",b")
    assert done.code == 0
    assert len(files_below(Path("out"))) == 4
