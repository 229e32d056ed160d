"""What plugins publish is known where they are not installed, and told in the README."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sepkit import Registry
from sepkit.errors import UnknownNameError
from sepkit.plugin.known import KNOWN
from tests.distributions import environment

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(file.parent for file in (ROOT / "plugins").glob("*/pyproject.toml"))
FINDERS = {
    "method": Registry.separator,
    "prior": Registry.prior,
    "constraint": Registry.constraint,
    "metric": Registry.metric,
    "dataset": Registry.dataset,
}
TABLES = ("methods", "statements")


def published(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the script in the checkout at `root`."""
    command = [sys.executable, str(root / "tools" / "published.py"), *options]
    return subprocess.run(command, cwd=root, env=environment(), capture_output=True, encoding="utf-8")


def test_what_is_written_down_is_what_the_plugins_publish() -> None:
    done = published(ROOT, "--check")
    assert done.returncode == 0, done.stderr


def test_every_spec_of_every_installed_plugin_of_the_repository_is_known() -> None:
    # A package may serve methods and publish none.
    publish = (
        plugin for plugin in PLUGINS if "[project.entry-points.sepkit]" in (plugin / "pyproject.toml").read_text()
    )
    folders = {f"sepkit-{plugin.name}" for plugin in publish}
    ours = [record for record in Registry.discover(disabled=()).plugins if record.distribution in folders]
    assert {record.distribution for record in ours} == folders
    wanted = {(spec.kind, spec.name, record.distribution) for record in ours for spec in record.specs}
    assert wanted == {(kind, name, package) for kind, names in KNOWN.items() for name, package in names.items()}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in KNOWN.items() for name in names])
def test_what_is_known_but_not_installed_gets_its_install_command(kind: str, name: str) -> None:
    command = f"no {kind} '{name}' is installed; install it with: pip install {KNOWN[kind][name]}"
    with pytest.raises(UnknownNameError, match=re.escape(command)):
        FINDERS[kind](Registry(), name)


def test_a_prior_that_could_be_trained_gets_its_install_command_too() -> None:
    with pytest.raises(UnknownNameError, match=r"no prior 'flow' is installed; install it with: pip install"):
        Registry().trainable("flow")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one plugin, whose README and known names are out of date."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "sepkit" / "plugin").mkdir(parents=True)
    package = tmp_path / "plugins" / "buzz" / "src" / "sepkit_buzz"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "plugin.py").write_text(
        "from sepkit.plugin import PriorSpec, SeparatorSpec, hookimpl\n"
        "from sepkit.plugin import Domain\n\n"
        "SEPKIT_API = 1\n\n\n"
        "@hookimpl\n"
        "def sepkit_separators():\n"
        "    yield SeparatorSpec(name='buzz', summary='one | two', factory='a:B', needs=('score', 'sources'))\n\n\n"
        "@hookimpl\n"
        "def sepkit_priors():\n"
        "    for name in ('low', 'high'):\n"
        "        yield PriorSpec(name=name, summary=name, factory='a:B', domains=(Domain.TEMPLATES,))\n"
    )
    (tmp_path / "plugins" / "buzz" / "pyproject.toml").write_text(
        '[project]\nname = "sepkit-buzz"\n[project.entry-points.sepkit]\nbuzz = "sepkit_buzz.plugin"\n'
    )
    marks = (f"<!-- {name}, written by make published -->\nold\n<!-- end of {name} -->\n" for name in TABLES)
    (tmp_path / "README.md").write_text("before\n" + "between\n".join(marks) + "after\n", encoding="utf-8")
    return tmp_path


def test_a_new_plugin_enters_the_tables_and_the_known_names(checkout: Path) -> None:
    done = published(checkout, "--check")
    assert done.returncode == 1
    assert "not what the plugins publish: sepkit/plugin/known.py, README.md" in done.stderr
    assert "write them with: make published" in done.stderr
    assert published(checkout).returncode == 0
    text = (checkout / "README.md").read_text(encoding="utf-8")
    assert r"| [`buzz`](plugins/buzz/README.md) | `sepkit-buzz` | one \| two | a score, names of the sources |" in text
    assert "| `high` | prior | `sepkit-buzz` | templates | high |" in text
    assert text.startswith("before\n<!-- methods")
    assert "<!-- end of methods -->\nbetween\n<!-- statements" in text
    assert text.endswith("<!-- end of statements -->\nafter\n")
    names: dict[str, dict[str, dict[str, str]]] = {}
    exec((checkout / "sepkit/plugin/known.py").read_text(encoding="utf-8"), names)
    assert names["KNOWN"] == {"method": {"buzz": "sepkit-buzz"}, "prior": dict.fromkeys(("low", "high"), "sepkit-buzz")}
    assert published(checkout, "--check").returncode == 0


def test_a_plugin_that_is_broken_is_named(checkout: Path) -> None:
    (checkout / "plugins/buzz/src/sepkit_buzz/plugin.py").write_text("raise OSError('no licence')\n")
    done = published(checkout)
    assert done.returncode == 1
    assert "plugin buzz is broken: OSError: no licence" in done.stderr
