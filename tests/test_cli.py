"""The command line, apart from `run`: what is listed and shown, and the manners of the program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sepkit import Registry
from sepkit.cli.group import COMMANDS
from sepkit.plugin.described import tables
from sepkit.plugin.specs import LONGEST_SUMMARY, SeparatorSpec
from tests.commandline import call, spawn
from tests.distributions import environment, install


@pytest.fixture(autouse=True)
def _good(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "good")
    monkeypatch.setenv("COLUMNS", "200")


def test_list_names_everything_with_its_summary_and_needs() -> None:
    listing = call("list")
    assert (listing.code, listing.err) == (0, "")
    for table in (
        "Methods that need nothing but the mixture",
        "Methods that need a score",
        "Priors",
        "Constraints",
        "Metrics",
        "Datasets",
    ):
        assert f"{table}:" in listing.out
    flat = " ".join(listing.out.split())
    assert "nmf nonnegative matrix factorisation" in flat
    assert "halve-by-score every stem is an equal share of the mixture" in flat
    assert "sparsity few activations are large at a time" in flat
    assert "peak-limit no sample is above a peak" in flat
    assert "mixture baseline: every stem is the mixture as it is" in flat
    assert "sdr plain signal-to-distortion ratio" in flat
    assert "folder one folder a track with a file for every stem" in flat


def test_every_method_and_statement_that_sepkit_publishes_is_one_line_of_80_columns() -> None:
    registry = Registry.discover()
    with_all = call("list")
    specs = [spec for table in tables(registry).values() for spec in table]
    assert len(specs) > 50, "first-party plugins are to be installed"
    rows = with_all.out.splitlines()
    assert max(map(len, rows)) <= 80
    lines = {" ".join(row.split()) for row in rows}
    assert not {f"{spec.name} {spec.summary}" for spec in specs} - lines


def test_a_long_name_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    name, summary = "a" * 25, "s" * LONGEST_SUMMARY
    registry = Registry.discover(disabled={"*"})
    registry.add(SeparatorSpec(name=name, summary=summary, factory="nowhere:Nothing"))
    monkeypatch.setattr("sepkit.cli.list.discover", lambda ctx: registry)
    rows = call("list").out.splitlines()
    assert [rows[number + 1].strip() for number, row in enumerate(rows) if row.strip() == name] == [summary]
    assert max(map(len, rows)) <= 80


def test_list_json_holds_what_the_specs_say() -> None:
    listing = call("list", "--json")
    assert (listing.code, listing.err) == (0, "")
    listed = json.loads(listing.out)
    assert list(listed) == ["methods", "priors", "constraints", "metrics", "datasets"]
    by_name = {entry["name"]: entry for table in listed.values() for entry in table}
    assert by_name["halve-by-score"]["needs"] == ["score"]
    assert by_name["nmf"]["plugin"] == "nmf"
    assert by_name["nmf"]["channels"] == 1
    assert by_name["nmf"]["priors"] == ["activations", "templates"]
    assert by_name["nmf"]["reference"]
    assert by_name["sparsity"]["domains"] == ["activations"]
    assert by_name["mixture-consistency"]["plugin"] == "builtin"
    assert by_name["ideal-ratio-mask"]["needs"] == ["references"]
    assert by_name["si-sdr"]["figures"] == ["SI-SDR", "SI-SIR", "SI-SAR"]
    assert (by_name["si-sdr"]["extra"], by_name["si-sdr"]["available"]) == ("", True)
    assert by_name["musdb18"]["extra"] == "sepkit[musdb]"
    assert "figures" not in by_name["musdb18"]


def test_what_needs_packages_that_are_not_there_is_listed_with_its_install_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    flat = " ".join(call("list").out.split())
    assert "not installed: musdb18 pip install 'sepkit[musdb]'" in flat
    listed = json.loads(call("list", "--json").out)
    available = {entry["name"]: entry["available"] for kind in ("metrics", "datasets") for entry in listed[kind]}
    assert (available["bss-eval"], available["musdb18"], available["sdr"], available["folder"]) == (
        True,
        False,
        True,
        True,
    )
    shown = call("show", "musdb18")
    assert (shown.code, len(shown.complaints)) == (2, 1)
    assert "pip install 'sepkit[musdb]'" in shown.err


def test_show_tells_all_about_a_method() -> None:
    shown = call("show", "nmf")
    assert (shown.code, shown.err) == (0, "")
    for words in (
        "method nmf",
        "Févotte",
        "nothing but the mixture",
        "any rate",
        "activations, templates, spectrograms, waveforms",
    ):
        assert words in shown.out
    assert "stochastic" in shown.out
    for option in ("rank", "beta", "iterations", "start"):
        assert re.search(rf"^{option} ", shown.out, re.MULTILINE)
    assert "≥ 0 ≤ 3" in shown.out
    assert re.search(r"^window_s +0\.046 s ", shown.out, re.MULTILINE)


def test_show_calls_nothing_required_that_is_not() -> None:
    assert "required" not in call("show", "nmf").out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sparsity", ("prior sparsity", "speaks of    activations", "sparsity:NAME=VALUE", "weight", "10.0")),
        ("peak-limit", ("constraint peak-limit", "peak-limit:NAME=VALUE", "Largest magnitude")),
        ("mixture-consistency", ("constraint mixture-consistency", "no options")),
        ("halve-by-f0", ("method halve-by-f0", "f0", "steps")),
        ("ideal-ratio-mask", ("method ideal-ratio-mask", "oracle", "Vincent", "references", "window_s")),
        ("sdr", ("metric sdr", "SDR (dB): energy of the reference", "nothing but sepkit", "no options")),
        ("bss-eval", ("metric bss-eval", "Stöter", "nothing but sepkit", "BSS-SAR (dB)", "bss-eval:NAME=VALUE")),
        ("folder", ("dataset folder", "nothing but sepkit", "folder:NAME=VALUE", "path")),
    ],
)
def test_show_tells_about_everything_that_is_published(name: str, words: tuple[str, ...]) -> None:
    shown = call("show", name)
    assert (shown.code, shown.err) == (0, "")
    assert all(word in shown.out for word in words)


@pytest.mark.parametrize("name", ["nmf", "halve", "sparsity", "mixture-consistency", "peak-limit", "sdr", "folder"])
def test_show_schema_is_json_schema_with_a_description_for_each_option(name: str) -> None:
    shown = call("show", name, "--schema")
    assert (shown.code, shown.err) == (0, "")
    schema = json.loads(shown.out)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert all(option["description"] for option in schema["properties"].values())
    _check_schema(schema, schema.get("$defs", {}))


def _check_schema(node: Any, definitions: dict[str, Any]) -> None:
    """The parts of JSON Schema that a form is drawn from."""
    assert isinstance(node, dict)
    assert node.get("type", "null") in {"object", "array", "string", "number", "integer", "boolean", "null"}
    if "$ref" in node:
        assert node["$ref"].removeprefix("#/$defs/") in definitions
    assert set(node.get("required", ())) <= set(node.get("properties", ()))
    children = [*node.get("properties", {}).values(), *node.get("anyOf", ()), *node.get("$defs", {}).values()]
    children += [node[key] for key in ("items", "additionalProperties") if isinstance(node.get(key), dict)]
    for child in children:
        _check_schema(child, definitions)


def test_the_schema_of_every_installed_method_is_valid() -> None:
    for spec in Registry.discover().separators.values():
        schema = spec.load_config().model_json_schema()
        _check_schema(schema, schema.get("$defs", {}))


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=lambda words: " ".join(words) or "sepkit")
def test_help_exits_with_0_and_says_how_to_call_it(command: list[str]) -> None:
    shown = call(*command, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(f"Usage: {' '.join(['sepkit', *command])} ")


def test_help_lists_every_command() -> None:
    shown = " ".join(call("--help").out.split())
    assert all(f" {name} {summary}" in shown for name, summary in COMMANDS.items())


def test_without_arguments_the_help_is_shown() -> None:
    assert call() == call("--help")


def test_version() -> None:
    shown = call("--version")
    assert (shown.code, shown.err) == (0, "")
    assert re.search(r"\d+\.\d+\.\d+", shown.out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["seperate"], "No such command 'seperate'"),
        (["list", "extra"], "extra"),
        (["--verbose", "list"], "--verbose"),
        (["show"], "Missing argument 'NAME'"),
        (["show", "nfm"], "no method 'nfm' is installed; did you mean nmf?"),
        (["show", "sparsty"], "did you mean sparsity?"),
        (["show", "si-sdrr"], "no metric 'si-sdrr' is installed; did you mean si-sdr"),
        (["show", "musdb"], "no dataset 'musdb' is installed; did you mean musdb18?"),
        (["plugins", "nothing"], "no plugin 'nothing' is installed; see: sepkit plugins"),
        (["run", "nmf", "song.wav"], "Missing option '-o'"),
        (["run"], "give METHOD and MIX"),
        (["run", "-o", "out"], "give METHOD and MIX"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistaken_call_is_one_line_and_exit_code_2(arguments: list[str], words: str) -> None:
    done = call(*arguments)
    assert (done.code, done.out, len(done.complaints)) == (2, "", 1)
    assert words in done.err


def test_debug_shows_the_traceback() -> None:
    done = call("--debug", "show", "nfm")
    assert done.code == 2
    assert "Traceback" in done.err
    assert "UnknownNameError" in done.err


def test_a_fault_is_one_line_that_says_how_to_see_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("on purpose\nand in two lines")

    monkeypatch.setattr("sepkit.cli.list.discover", fault)
    done = call("list")
    assert (done.code, len(done.complaints)) == (1, 1)
    assert "ZeroDivisionError: on purpose and in two lines" in done.err
    assert "sepkit --debug" in done.err


def test_python_m_sepkit_and_the_script_are_the_same() -> None:
    command = Path(sys.executable).with_name("sepkit")
    by_script = subprocess.run([command, "list"], env=environment("good"), capture_output=True, encoding="utf-8")
    by_module = spawn("list", installed=("good",))
    assert (by_module.code, by_module.out, by_module.err) == (0, by_script.stdout, by_script.stderr)
    assert spawn("show", "nfm").err.startswith("sepkit: no method 'nfm'")


@pytest.mark.parametrize("arguments", [["list"], ["show", "nmf"], ["plugins"], ["--help"]], ids=lambda words: words[0])
def test_a_closed_pipe_is_no_reason_for_a_traceback(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "sepkit", *arguments]
        done = subprocess.run(command, env=environment(), stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert done.stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_lacks_a_symbol_is_no_reason_to_fail(encoding: str) -> None:
    command = [sys.executable, "-m", "sepkit", "show", "nmf"]
    done = subprocess.run(command, env=environment(PYTHONIOENCODING=encoding), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"iterations" in done.stdout
