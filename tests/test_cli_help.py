"""What helps at the terminal: examples in every help, completion, and what to paste into a report of a bug."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
import pytest

from sepkit import Note, Score
from sepkit.cli.examples import EXAMPLES
from sepkit.cli.group import COMMANDS, root
from tests.commandline import call, spawn
from tests.distributions import install


@pytest.fixture(autouse=True)
def _good(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "good", "raises")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_examples_that_can_be_called(name: str) -> None:
    shown = call(name, "--help").out
    assert "Examples:" in shown
    for line in EXAMPLES[name]:
        assert line in shown
        sepkit, command, *arguments = shlex.split(line.partition(" < ")[0])
        assert (sepkit, command) == ("sepkit", name)
        found = root.get_command(click.Context(root), command)
        assert found is not None
        # Raises for an option that there is not.
        found.make_context(command, arguments)


def completed(words: str, begun: str = "") -> list[str]:
    """What bash would offer."""
    settings = {"_SEPKIT_COMPLETE": "bash_complete", "COMP_WORDS": f"sepkit {words} {begun}"}
    count = str(1 + len(shlex.split(words)))
    done = spawn(env={**settings, "COMP_CWORD": count}, installed=("good",))
    assert done.code == 0, done.err
    return [line.partition(",")[2] for line in done.out.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "begun", "expected"),
    [
        ("run", "halve", {"halve", "halve-by-f0", "halve-by-score"}),
        ("run nmf a.wav --prior", "qui", {"quiet"}),
        ("run nmf a.wav --constraint", "peak", {"peak-limit"}),
        ("show", "peak", {"peak-limit"}),
        ("benchmark", "nmf,halve-by-s", {"nmf,halve-by-score"}),
        ("tr", "", {"train"}),
    ],
)
def test_names_are_completed(words: str, begun: str, expected: set[str]) -> None:
    if words == "tr":
        words, begun = "", "tr"
    assert expected <= set(completed(words, begun))


def test_after_the_method_come_files(tmp_path: Path) -> None:
    assert completed("run nmf", "a") == ["a"]
    assert completed(f"run --from {tmp_path}", "a") == ["a"]


def test_sources_are_those_of_the_score(tmp_path: Path) -> None:
    score = tmp_path / "song.mid"
    Score((Note(0, 1, 60, part="violin"), Note(0, 1, 50, part="viola"), Note(0, 1, 40, part="cello"))).write(score)
    given = f"run score-nmf a.wav --score {score}"
    assert set(completed(f"{given} --sources", "vio")) == {"viola", "violin"}
    assert set(completed(f"{given} --sources", "viola,")) == {"viola,cello", "viola,violin"}
    assert completed(f"{given} --only", "c") == ["cello"]
    assert completed("run nmf a.wav --sources", "v") == []
    score.write_text("no score")
    assert completed(f"{given} --sources", "v") == []


def test_env_tells_what_a_report_of_a_bug_needs() -> None:
    shown = call("env")
    assert shown.code == 0
    for word in ("sepkit", "python", "numpy", "devices", "cores", "libsndfile", "FLAC", "writes", "fetched weights"):
        assert word in shown.out
    told = json.loads(call("env", "--json").out)
    assert told["plugins"]["raises"].endswith("(broken)")
    assert "cpu" in told["devices"]
    assert told["packages"]["numpy"]
