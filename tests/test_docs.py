"""The documentation: it builds, everything in it runs, and nothing public is missing."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

import sepkit
import sepkit.builtin
import sepkit.plugin
from sepkit import Audio, Registry, example
from sepkit.problem.statement import published_name
from tests.distributions import environment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(
    path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if not {"_build", "auto"} & set(path.parts)
)
GUIDES = [page for page in PAGES if page.startswith("guide/")]
ROOMS = [
    room
    for found in pkgutil.iter_modules(sepkit.__path__, "sepkit.")
    if found.ispkg and hasattr(room := importlib.import_module(found.name), "__all__")
]
ERRORS = [name for name, value in vars(sepkit.errors).items() if inspect.isclass(value)]
PROJECTS = {
    "sepkit-panorama": ["panorama"],
    "sepkit-likely": ["rolloff", "gaussian"],
    "sepkit-limits": ["band", "ceiling"],
    "sepkit-ascent": ["ascent"],
    "sepkit-duo": ["duo"],
}

_FENCE = re.compile(r"^( *)```(?:\{code-block\} )?(\w+)\n(?: *:caption: (\S+)\n\s*\n)?(.*?)^\1```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One block of code of a page."""

    page: str
    language: str
    caption: str | None
    text: str


def blocks(page: str) -> list[Block]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return [Block(page, found[2], found[3], textwrap.dedent(found[4])) for found in _FENCE.finditer(text)]


FILES = {block.caption: block for page in GUIDES for block in blocks(page) if block.caption}
COMMANDS = sorted(
    {
        line
        for page in ["quickstart.md", *GUIDES]
        for block in blocks(page)
        # What installs, builds and uploads needs a network and an account.
        for line in block.text.splitlines()
        if block.language == "sh" and line.startswith("sepkit ")
    }
)
SCRIPTS = [name for name in FILES if "/" not in name]


def run_python(source: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script of its own in `folder`, with warnings as errors."""
    if isinstance(source, str):
        script = folder / "snippet.py"
        script.write_text(source, encoding="utf-8")
        source = script
    command = [sys.executable, "-W", "error", str(source)]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, encoding="utf-8")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugins that the guide has its reader write, as if installed: `src` folders on the path are enough."""
    folder = tmp_path_factory.mktemp("guide")
    for name, block in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")
    for name in PROJECTS:
        project = tomllib.loads((folder / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        info = folder / name / "src" / f"{name.replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {project['version']}\n")
        points = "".join(f"{key} = {value}\n" for key, value in project["entry-points"]["sepkit"].items())
        (info / "entry_points.txt").write_text(f"[sepkit]\n{points}")
    return folder


def installed(projects: Path) -> dict[str, str]:
    """An environment in which the guide's plugins are installed."""
    return environment(PYTHONPATH=os.pathsep.join(str(projects / name / "src") for name in PROJECTS))


@pytest.fixture
def hook_modules(projects: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The hook modules of the guide's plugins, imported into this process."""
    packages = {name: name.replace("-", "_") for name in PROJECTS}
    for name in PROJECTS:
        monkeypatch.syspath_prepend(str(projects / name / "src"))
    yield {name: importlib.import_module(f"{package}.plugin") for name, package in packages.items()}
    for module in list(sys.modules):
        if module.partition(".")[0] in packages.values():
            del sys.modules[module]


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a second of the bundled example as ``song.wav``."""
    folder = tmp_path_factory.mktemp("song")
    mixture = example.load().mixture
    Audio(mixture.samples[:, : mixture.sample_rate], mixture.sample_rate).write(folder / "song.wav")
    return folder


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_of_the_guide_prints_what_it_says(name: str, tmp_path: Path) -> None:
    page = blocks(FILES[name].page)
    (tmp_path / name).write_text(FILES[name].text, encoding="utf-8")
    done = run_python(tmp_path / name, tmp_path)
    assert done.returncode == 0, done.stderr
    following = page[page.index(FILES[name]) + 1]
    assert done.stdout == (following.text if following.language == "text" else "")


@pytest.mark.slow
@pytest.mark.parametrize("page", ["quickstart.md", "guide/embedding.md", "guide/growing.md"])
def test_the_snippets_of_a_page_print_what_it_says(page: str, tmp_path: Path) -> None:
    example.load().mixture.write(tmp_path / "song.wav")
    source = "\n".join(block.text for block in blocks(page) if block.language == "python")
    done = run_python(source, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(block.text for block in blocks(page) if block.language == "text")


@pytest.mark.parametrize("name", [name for names in PROJECTS.values() for name in names])
def test_a_plugin_of_the_guide_conforms(hook_modules: dict[str, ModuleType], name: str) -> None:
    from sepkit.testing import run_checks

    registry = Registry(plugins=list(hook_modules.values()))
    assert registry.problems == []
    outcomes = run_checks(name, registry=registry)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
    assert sum(outcome.status == "passed" for outcome in outcomes) >= 5


def test_wrapping_a_network_takes_no_more_lines_than_the_guide_says() -> None:
    written = [FILES[f"sepkit-duo/src/sepkit_duo/{name}.py"].text for name in ("plugin", "separator")]
    assert sum(bool(line.strip()) for text in written for line in text.splitlines()) <= 60


@pytest.mark.slow
@pytest.mark.parametrize("project", PROJECTS)
def test_the_tests_of_a_plugin_of_the_guide_pass(projects: Path, project: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(projects / project)]
    done = subprocess.run(command, cwd=projects, env=installed(projects), capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_pages_works(command: str, projects: Path, song: Path, tmp_path: Path) -> None:
    (tmp_path / "song.wav").symlink_to(song / "song.wav")
    arguments = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(arguments, cwd=tmp_path, env=installed(projects), capture_output=True, encoding="utf-8")
    told = [line for line in done.stderr.splitlines() if "sepkit:" in line and "sepkit: note on " not in line]
    assert (done.returncode, told) == (0, []), done.stdout + done.stderr


def code_that_is_run(page: str) -> list[Block]:
    """The blocks of a page that run while it is built, without their options."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall(r"^```\{run\}\n((?::.*\n)*)\n?(.*?)^```$", text, re.M | re.S)
    return [Block(page, "python", None, code) for _, code in found]


def test_python_in_the_pages_is_formatted_and_sound(tmp_path: Path) -> None:
    for number, block in enumerate(block for page in PAGES for block in [*blocks(page), *code_that_is_run(page)]):
        if block.language == "python":
            ast.parse(block.text, f"{block.page}, block {number}")
            (tmp_path / f"{block.page.replace('/', '_').removesuffix('.md')}_{number}.py").write_text(block.text)
    (tmp_path / "files").mkdir()
    for name, block in FILES.items():
        if block.language == "python":
            (tmp_path / "files" / f"_{name.replace('/', '_').replace('-', '_')}").write_text(block.text)
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--no-cache", "--line-length", "120", str(tmp_path)]
    formatted = subprocess.run([*ruff, "format", "--diff", *options], capture_output=True, encoding="utf-8")
    assert formatted.returncode == 0, formatted.stdout
    select = ["--target-version", "py310", "--select", "E,F,W,UP,B,C4,SIM,PT,RET,NPY,PERF"]
    checked = subprocess.run(
        [*ruff, "check", *select, *options[:-1], str(tmp_path / "files")], capture_output=True, encoding="utf-8"
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_has_a_page_whose_example_raises_it_as_told(
    error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = blocks(f"errors/{published_name(error)}.md")
    text = (DOCS / f"errors/{published_name(error)}.md").read_text(encoding="utf-8")
    assert f".. autoclass:: sepkit.errors.{error}\n" in text
    [snippet] = [block for block in page if block.language == "python"]
    [message] = [block for block in page if block.language == "text"]
    raised = re.search(r"^raises `(\w+)`", text, re.M)
    assert raised is not None
    assert issubclass(getattr(sepkit.errors, raised[1]), getattr(sepkit.errors, error))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "__main__", script := ModuleType("__main__"))
    with pytest.raises(sepkit.SepkitError) as caught:
        exec(compile(snippet.text, f"{error}.py", "exec"), vars(script))
    told = "".join(traceback.format_exception_only(caught.type, caught.value)).strip()
    assert told == f"sepkit.errors.{raised[1]}: {' '.join(message.text.split())}"


def test_every_error_is_in_the_tree() -> None:
    [tree] = [block.text for block in blocks("errors/index.md") if block.language == "text"]
    assert set(re.findall(r"[A-Z]\w+", tree)) == set(ERRORS)


def test_every_public_name_is_in_the_reference() -> None:
    index = (DOCS / "reference/index.md").read_text(encoding="utf-8")
    names, rooms = index.partition("## Other")[0].split("## Rooms")
    assert sorted(re.findall(r"^\| \[`sepkit\.(\w+)`\]\(", names, re.M)) == sorted(sepkit.__all__)
    listed = {
        room: re.findall(r"`(\w+)`", public)
        for room, public in re.findall(r"^\| \[`(sepkit\.\w+)`\]\(.*\|([^|]+)\|$", rooms, re.M)
    }
    assert listed == {room.__name__: sorted(room.__all__) for room in ROOMS}
    described = "\n".join((DOCS / page).read_text(encoding="utf-8") for page in PAGES)
    documented = set(re.findall(r"auto(?:class|function|module):: sepkit\.(?:errors\.)?(\w+)$", described, re.M))
    assert set(sepkit.__all__) - documented == {"errors", "evaluation", "informed", "music", "problem", "solving"}
    for module in ROOMS:
        for name in set(module.__all__) - set(sepkit.__all__):
            assert re.search(rf":: {re.escape(module.__name__)}\.{name}$", described, re.M), name


def test_every_command_is_described() -> None:
    from sepkit.cli.group import COMMANDS

    text = (DOCS / "guide/command-line.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## sepkit (\w+)$", text, re.M)) == set(COMMANDS)
