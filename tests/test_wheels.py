"""The real thing: wheels of sepkit and of all plugins, and those without torch where there is nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sepkit
from tests.commandline import call, record
from tests.scrubbed import scrubbed

REPO = Path(sepkit.__file__).parents[1]
WHEELHOUSE = Path(sys.prefix) / "wheelhouse"
"""Filled by ``make test``, so that this test needs no network."""

PLUGINS = sorted(project.parent for project in (REPO / "plugins").glob("*/pyproject.toml"))
LIGHT = [
    plugin
    for plugin in PLUGINS
    if not re.search(r'"(torch|sepkit\[neural\])', (plugin / "pyproject.toml").read_text(encoding="utf-8"))
]
"""Those that need nothing that is not in the wheelhouse: no torch."""

GENERATED = {"hum": "separator", "walk": "prior", "band": "constraint"}
SUFFIXES = {".py", ".pyi", ".typed", ".flac", ".mid", ".md", ".txt", ".css", ".html", ".j2", ".js"}
WEIGHTS = {".json", ".safetensors"}
"""What a plugin may ship beside that."""


LOADING = """
from sepkit import Registry

registry = Registry.discover()
for spec in (*registry.separators.values(), *registry.priors.values(), *registry.constraints.values()):
    spec.load()
    if hasattr(spec, "load_config"):
        spec.load_config()
    if getattr(spec, "trainer", ""):
        spec.load_trainer(), spec.load_training()
    print(spec.name)
"""
"""Imports all that is published, which is there if the wheels are whole."""


def run(*command: str | Path, cwd: Path) -> str:
    """Run in `cwd` with nothing of the checkout on the path; what it printed."""
    env = {**scrubbed(), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def names_in(wheel: Path) -> set[str]:
    """Names of the package's files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def licence_in(wheel: Path) -> bytes:
    """The text of the licence that travels with a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
        return archive.read(name)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Wheels by distribution, and beside them the generated sources."""
    place = tmp_path_factory.mktemp("wheels")
    for name, kind in GENERATED.items():
        assert call("new", name, "--kind", kind, "-o", place / "sources" / name).code == 0
    sources = [REPO, *PLUGINS, *(place / "sources" / name for name in GENERATED)]
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", place]
    run(*build, *sources, cwd=place)
    return {wheel.name.partition("-")[0]: wheel for wheel in place.glob("*.whl")}


@pytest.mark.slow
def test_wheels_hold_what_they_should_and_no_more(wheels: dict[str, Path]) -> None:
    names = [*(plugin.name.replace("-", "_") for plugin in PLUGINS), *GENERATED]
    assert set(wheels) == {"sepkit", *(f"sepkit_{name}" for name in names)}
    for package, wheel in wheels.items():
        names = names_in(wheel)
        assert f"{package}/py.typed" in names
        if package not in {f"sepkit_{name}" for name in GENERATED}:
            assert licence_in(wheel) == (REPO / "LICENSE").read_bytes()
        for name in names:
            parts = Path(name).parts
            assert parts[0] == package
            assert Path(name).suffix in (SUFFIXES if package == "sepkit" else SUFFIXES | WEIGHTS)
            assert "templates" in parts or not {"tests", "benchmarks", "__pycache__"} & set(parts)
            assert not any(part.startswith(".") for part in parts)
    core = names_in(wheels["sepkit"])
    checkout = {file.relative_to(REPO).as_posix() for file in (REPO / "sepkit").rglob("*") if file.is_file()}
    assert core == {name for name in checkout if "__pycache__" not in name}
    assert {f"sepkit/example/{source}.flac" for source in ("flute", "cello", "drums")} <= core
    assert "sepkit/scaffold/templates/separator/src/package/separator.py.txt" in core


@pytest.mark.slow
def test_everything_works_where_only_the_wheels_are_installed(wheels: dict[str, Path], tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "fresh", cwd=tmp_path)
    binaries = tmp_path / "fresh" / ("Scripts" if os.name == "nt" else "bin")
    python, command = binaries / "python", binaries / "sepkit"
    offline = WHEELHOUSE.is_dir()
    origin = ["--no-index", "--find-links", WHEELHOUSE] if offline else ["-c", REPO / "constraints.txt"]
    packages = [f"sepkit_{name.replace('-', '_')}" for name in (*(plugin.name for plugin in LIGHT), *GENERATED)]
    installed = [wheels[name] for name in ("sepkit", *packages)]
    run(python, "-m", "pip", "install", *origin, *installed, "pytest", cwd=tmp_path)
    run(python, "-m", "pip", "check", cwd=tmp_path)

    home = Path(run(python, "-c", "import sepkit; print(sepkit.__file__)", cwd=tmp_path).strip())
    assert home.is_relative_to(tmp_path / "fresh")

    listing = run(command, "list", cwd=tmp_path)
    loaded = run(python, "-c", LOADING, cwd=tmp_path).splitlines()
    plugins = {entry["name"]: entry for entry in json.loads(run(command, "plugins", "--json", cwd=tmp_path))}
    # A package may serve methods and publish none.
    publishing = (one.name for one in LIGHT if "[project.entry-points.sepkit]" in (one / "pyproject.toml").read_text())
    for plugin in (*publishing, *GENERATED):
        assert plugins[plugin]["state"] == "active"
        assert plugins[plugin]["distribution"] == f"sepkit-{plugin}"
        for name in (published["name"] for published in plugins[plugin]["publishes"]):
            assert name in listing
            assert name in loaded
    # Plugins' own tests check all that they publish; what is generated has nobody else.
    for name in GENERATED:
        run(command, "check", name, cwd=tmp_path)

    record(tmp_path / "mixture.wav")
    run(command, "run", "hum", "mixture.wav", "-o", "out", cwd=tmp_path)
    written = {path.name for path in (tmp_path / "out" / "mixture").iterdir()}
    assert written == {"low.wav", "high.wav", "separation.json"}
    statements = ["--prior", "walk", "--constraint", "band:highest_hz=2000", "--set", "iterations=5"]
    run(command, "run", "nmf", "mixture.wav", "-o", "nmf", "--sources", "a,b", *statements, cwd=tmp_path)

    for name in GENERATED:
        tests = wheels["sepkit"].parent / "sources" / name / "tests"
        run(python, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", tests, cwd=tmp_path)
