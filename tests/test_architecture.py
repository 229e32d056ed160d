"""The house: imports run one way, and the map in CONTRIBUTING shows what is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SEPKIT = ROOT / "sepkit"

FLOORS = [
    ["errors", "version"],
    ["config", "files", "large", "opening", "phase", "spectral", "spectral_config", "wiener"],
    ["plots"],
    ["music"],
    ["problem"],
    ["plugin", "alignment"],
    ["solving"],
    ["informed", "fetching"],
    ["builtin", "example"],
    ["evaluation", "repeating", "batching"],
    ["training"],
    ["neural"],
    ["testing", "scaffold", "serving"],
    ["cli"],
    ["__main__"],
]
"""From the ground up: a room may import those below it, and those beside it."""

PLUGINS = sorted(file.parent for file in (ROOT / "plugins").glob("*/pyproject.toml"))

FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the core by its dotted name."""
    found = {}
    for path in sorted(SEPKIT.rglob("*.py")):
        name = ".".join(("sepkit", *path.relative_to(SEPKIT).with_suffix("").parts))
        found[name.removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the core that one imports: anywhere, also in functions and for type checkers only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # What is imported from a package may be one of its modules.
            found |= {
                inner if (inner := f"{node.module}.{alias.name}") in known else node.module for alias in node.names
            }
    return {module for module in found if module in known and module != name}


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: imports(name, path, known) for name, path in known.items()}


def test_no_import_circle_of_any_kind(graph: dict[str, set[str]]) -> None:
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_rooms_import_only_rooms_below(graph: dict[str, set[str]]) -> None:
    upward = [
        f"{name} imports {module}"
        for name, targets in graph.items()
        for module in targets
        if name != "sepkit" and module != "sepkit" and FLOOR[module.split(".")[1]] > FLOOR[name.split(".")[1]]
    ]
    assert not upward


def test_rooms_side_by_side_import_one_way(graph: dict[str, set[str]]) -> None:
    rooms: dict[str, set[str]] = {}
    for name, targets in graph.items():
        if name != "sepkit":
            room = name.split(".")[1]
            rooms.setdefault(room, set()).update(t.split(".")[1] for t in targets if t != "sepkit")
    tuple(TopologicalSorter({room: targets - {room} for room, targets in rooms.items()}).static_order())


def test_the_face_of_the_package_is_imported_by_nobody_inside(graph: dict[str, set[str]]) -> None:
    assert not [name for name, targets in graph.items() if "sepkit" in targets]


def test_core_knows_no_torch_outside_neural() -> None:
    # The conformance kit tries statements with tensors, and methods on accelerators, where torch is installed.
    for name, path in modules().items():
        if not name.startswith(("sepkit.neural", "sepkit.testing")):
            assert not re.search(r"^\s*(?:import|from) torch\b", path.read_text(encoding="utf-8"), re.MULTILINE), name


def test_the_map_in_contributing_is_the_tree() -> None:
    lines = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1].splitlines()
    rows = [line.split("#")[0].split() for line in lines if line.startswith("  ")]
    ground, rooms = rows[0], {row[0].strip("/"): row[1:] for row in rows[1:]}
    inside = [path for path in SEPKIT.iterdir() if not path.name.startswith("__") and path.suffix in ("", ".py")]
    assert set(ground) == {path.stem for path in inside if path.suffix == ".py"}
    assert set(rooms) == {path.name for path in inside if path.is_dir()}
    for room, named in rooms.items():
        there = {path.stem for path in (SEPKIT / room).iterdir() if not path.name.startswith("__")}
        assert not named or set(named) == there, room
    # The map lists the rooms from the ground up, as imports run.
    heights = [FLOOR[room] for room in rooms]
    assert heights == sorted(heights)


@pytest.mark.parametrize(
    ("module", "light"),
    [
        ("plugin.py", True),
        ("config.py", True),
        ("training_config.py", True),
        ("__init__.py", True),
        ("convolution.py", False),
        ("pitch.py", False),
        ("configuration.py", False),
    ],
)
@pytest.mark.parametrize("plugin", [*PLUGINS, ROOT / "plugins" / "to-come"], ids=lambda plugin: plugin.name)
def test_hooks_and_options_of_every_plugin_may_import_nothing_heavy(plugin: Path, module: str, light: bool) -> None:
    name = plugin / "src" / f"sepkit_{plugin.name.replace('-', '_')}" / module
    options = ["--no-cache", "--select", "TID253", "--output-format", "concise", "--stdin-filename", str(name)]
    command = [sys.executable, "-m", "ruff", "check", *options, "-"]
    done = subprocess.run(command, cwd=ROOT, input="import torch\n", capture_output=True, encoding="utf-8")
    assert ("TID253" in done.stdout) is light, done.stdout + done.stderr


def test_the_core_imports_nothing_heavy_at_the_top_of_any_module() -> None:
    options = ["--no-cache", "--select", "TID253", "--stdin-filename", str(SEPKIT / "solving" / "convolution.py")]
    command = [sys.executable, "-m", "ruff", "check", *options, "-"]
    done = subprocess.run(command, cwd=ROOT, input="import torch\n", capture_output=True, encoding="utf-8")
    assert "TID253" in done.stdout


def test_the_settings_of_the_repository_name_no_plugin() -> None:
    named = re.compile("|".join(rf"\b(?:sepkit_)?{re.escape(p.name).replace('-', '[-_]')}\b" for p in PLUGINS))
    for file in (ROOT / "pyproject.toml", ROOT / "plugins" / "ruff.toml"):
        settings = file.read_text(encoding="utf-8").partition("[tool.hatch")[2] or file.read_text(encoding="utf-8")
        assert not named.search(settings), file.name


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in (SEPKIT, *(ROOT / "plugins").glob("*/src"))
        for path in folder.rglob("*.py")
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 350
    }
    assert not long
