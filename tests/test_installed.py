"""Metadata of other packages, damaged in every way: named once, and never in the way of the rest."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sepkit import Registry
from sepkit.plugin.installed import EntryPoint, installed
from sepkit.plugin.loader import PluginRecord, State
from tests.commandline import spawn
from tests.distributions import install

METADATA = "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"
POINTS = "[sepkit]\nother = odd_plugin\n"
PLUGIN = """
SEPKIT_API = 1
from sepkit.plugin import SeparatorSpec, hookimpl

@hookimpl
def sepkit_separators():
    yield SeparatorSpec(name="hush", summary="says nothing", factory="sepkit.builtin.baseline:Silence")
"""


def put(place: Path, points: str | bytes | None = POINTS, plugin: str = PLUGIN, **files: str) -> Path:
    """A place to be put on the path, in which a distribution called `other` is installed."""
    info = place / files.pop("folder", "other-1.0.dist-info")
    info.mkdir(parents=True, exist_ok=True)
    for name, text in {"METADATA": METADATA, **files}.items():
        if text:
            (info / name).write_text(text)
    if points is not None:
        (info / "entry_points.txt").write_bytes(points.encode() if isinstance(points, str) else points)
    (place / "odd_plugin.py").write_text(plugin)
    return place


def discovered(monkeypatch: pytest.MonkeyPatch, place: Path, **options: frozenset[str]) -> list[PluginRecord]:
    """What becomes of the distributions there."""
    install(monkeypatch)
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.delitem(sys.modules, "odd_plugin", raising=False)
    known = {"builtin", "nmf", "score-nmf", "nae", "flow-sgld"}
    registry = Registry.discover(**options)
    assert "mixture" in registry.separators
    return [record for record in registry.plugins if str(place) in (record.package.place if record.package else "")] + [
        record for record in registry.problems if record.package is None and record.name not in known
    ]


DAMAGE = {
    "no pair": ("[console_scripts]\nthis line has no equals sign\n", "'name = module'"),
    "no section's end": ("[sepkit\nother = odd_plugin\n", "first [section]"),
    "latin-1": ("[console_scripts]\nm\u00fcller = other:main\n".encode("latin-1"), "utf-8"),
    "utf-16": (POINTS.encode("utf-16"), "utf-8"),
    "no section": ("other = odd_plugin\n", "first [section]"),
    "byte-order mark": ("\ufeff" + POINTS, "byte-order mark"),
    "binary": (bytes(range(256)), "utf-8"),
    "huge": ("# " + "x" * (1 << 20) + "\n" + POINTS, "bytes"),
}


@pytest.mark.parametrize(("points", "words"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_one_broken_record_that_names_the_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: str | bytes, words: str
) -> None:
    [record] = discovered(monkeypatch, put(tmp_path, points))
    assert (record.name, record.state, record.distribution, record.version) == ("other", State.BROKEN, "other", "1.0")
    assert words in record.reason
    assert str(tmp_path) in record.reason
    assert "\n" not in record.reason


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_place_of_metadata_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(put(tmp_path, None) / "other-1.0.dist-info" / "entry_points.txt")
    [record] = discovered(monkeypatch, tmp_path)
    assert (record.state, "regular file" in record.reason) == (State.BROKEN, True)


@pytest.mark.parametrize("value", ["not a module at all!", "", "[gpu]", ":plugin", "a b"])
def test_a_value_that_names_no_module_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    [record] = discovered(monkeypatch, put(tmp_path, f"[sepkit]\nother = {value}\n"))
    assert record.state is State.BROKEN
    assert "names no module" in record.reason
    assert f"other = {value}" in record.reason


@pytest.mark.parametrize(
    "files",
    [
        {"METADATA": ""},
        {"METADATA": "Metadata-Version: 2.1\nName: other\n"},
        {"METADATA": "\x00\x01 nothing like it"},
        {"folder": "other.egg-info", "METADATA": "", "PKG-INFO": METADATA},
        {"points": "[sepkit]\nother = odd_plugin [gpu]\n"},
        {"points": "# a comment\n\n[sepkit]\r\n  other=odd_plugin\r\n"},
    ],
    ids=str,
)
def test_what_is_merely_unusual_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    [record] = discovered(monkeypatch, put(tmp_path, **files))
    assert (record.name, record.state, record.distribution) == ("other", State.ACTIVE, "other")
    assert [spec.name for spec in record.specs] == ["hush"]


def test_metadata_in_latin_1_costs_the_name_and_not_the_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = put(tmp_path)
    (place / "other-1.0.dist-info" / "METADATA").write_bytes(
        METADATA.encode() + "Author: M\u00fcller\n".encode("latin-1")
    )
    [record] = discovered(monkeypatch, place)
    assert (record.state, record.distribution, record.version) == (State.ACTIVE, "other", "1.0")


def test_a_plugin_that_is_declared_twice_counts_once_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = discovered(monkeypatch, put(tmp_path, POINTS + "other = odd_plugin\n"))
    assert (first.state, second.state) == (State.ACTIVE, State.CONFLICT)
    assert "twice" in second.reason
    assert "uninstall" not in second.reason


def test_an_empty_left_over_that_hides_a_plugin_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch)
    monkeypatch.syspath_prepend(str(put(tmp_path / "right")))
    left_over = tmp_path / "left" / "other-0.9.dist-info"
    left_over.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(left_over.parent))
    [record] = Registry.discover().problems
    assert (record.name, record.state) == ("other", State.BROKEN)
    assert f"hidden by the empty folder {left_over}" in record.reason
    assert "remove that folder" in record.reason


def test_of_two_versions_the_first_on_the_path_counts_as_for_importlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch)
    monkeypatch.syspath_prepend(str(put(tmp_path / "late", METADATA=METADATA.replace("1.0", "2.0"))))
    monkeypatch.syspath_prepend(str(put(tmp_path / "early")))
    [record] = [record for record in Registry.discover().plugins if record.name == "other"]
    assert (record.state, record.version) == (State.ACTIVE, "1.0")


def test_with_no_plugins_no_metadata_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = put(tmp_path, b"\xff")
    monkeypatch.setattr("sepkit.plugin.loader.installed", lambda: pytest.fail("metadata was read"))
    assert discovered(monkeypatch, place, disabled=frozenset("*")) == []


def test_damage_is_silenced_by_the_name_that_the_complaint_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [record] = discovered(monkeypatch, put(tmp_path, b"\xff"), disabled=frozenset(["other"]))
    assert record.state is State.DISABLED


class Finder:
    """Somebody else's importer."""

    def __init__(self, *places: Path) -> None:
        self.places = places

    def find_spec(self, *_: object) -> None:
        return None

    def find_distributions(self, context: object) -> Iterator[importlib.metadata.Distribution]:
        if not self.places:
            raise RuntimeError("a finder of somebody else")
        return map(importlib.metadata.Distribution.at, self.places)


def test_a_search_that_fails_is_named_and_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    registry = Registry.discover()
    [record] = registry.problems
    assert "a finder of somebody else" in record.reason
    assert "nmf" in registry.separators


def test_what_somebody_elses_importer_has_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = put(tmp_path / "theirs") / "other-1.0.dist-info"
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder(info)])
    [found] = [found for found in installed() if found.package.name == "other"]
    assert (found.package.version, found.points[0].value) == ("1.0", "odd_plugin")


def test_what_lies_in_an_archive_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", put(tmp_path / "inside"))
    monkeypatch.syspath_prepend(archive)
    monkeypatch.delitem(sys.modules, "odd_plugin", raising=False)
    [record] = [record for record in Registry.discover().plugins if record.name == "other"]
    assert (record.state, record.version) == (State.ACTIVE, "1.0")


def test_the_same_is_found_as_importlib_finds() -> None:
    points = {(point.name, point.value) for point in importlib.metadata.entry_points(group="sepkit")}
    assert {(point.name, point.value) for found in installed() for point in found.points} == points
    for found in installed():
        assert found.package.version == importlib.metadata.version(found.package.name)


@pytest.mark.parametrize(
    ("value", "module"),
    [("a.b", "a.b"), ("a.b : c.d", "a.b"), ("a:b [extra]", "a"), ("a b", ""), (":x", ""), ("", "")],
)
def test_the_value_of_an_entry_point_names_a_module(value: str, module: str) -> None:
    assert EntryPoint("name", value).module == module


def test_an_entry_point_may_name_something_in_a_module() -> None:
    assert EntryPoint("name", "os:path.join").load() is os.path.join


PRINTING = "import sys\nprint('hello from import')\nsys.stdout.write('and again')\n" + PLUGIN.replace(
    "    yield", "    print('hello from the hook')\n    yield"
)


@pytest.mark.parametrize(
    "command", [("list", "--json"), ("plugins", "--json"), ("show", "hush", "--schema")], ids=" ".join
)
def test_what_a_plugin_prints_while_it_is_imported_goes_to_stderr(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = spawn(*command, env={"PYTHONPATH": str(put(tmp_path, plugin=PRINTING))})
    assert done.code == 0
    json.loads(done.out)
    assert "hello from import" in done.err
    assert "hello from the hook" in done.err


def test_what_is_printed_while_several_threads_discover_never_stays_diverted() -> None:
    from concurrent.futures import ThreadPoolExecutor

    before = sys.stdout
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Registry.discover(), range(8)))
    assert sys.stdout is before
