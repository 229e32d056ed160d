"""All distributions are released in step, with licence and addresses; the tools that do so do what they say."""

from __future__ import annotations

import datetime
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

import sepkit

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECTS = (ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml")))
TODAY = datetime.date(2030, 1, 2)


def project(file: Path) -> dict[str, Any]:
    """What a distribution says of itself."""
    return tomllib.loads(file.read_text(encoding="utf-8"))["project"]


def asked_of_sepkit(said: dict[str, Any]) -> set[str]:
    """The ranges in which a distribution wants sepkit and its plugins."""
    return {text[text.index(">") :] for text in said["dependencies"] if text.startswith("sepkit")}


@pytest.fixture(scope="module")
def release() -> ModuleType:
    """tools/release.py."""
    spec = importlib.util.spec_from_file_location("release", ROOT / "tools/release.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files in which a version stands, copied."""
    for file in (*PROJECTS, *(ROOT / name for name in ("CHANGELOG.md", "CITATION.cff", "sepkit/version.py"))):
        place = tmp_path / file.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return tmp_path


@pytest.mark.parametrize("file", PROJECTS, ids=lambda file: file.parent.name)
def test_a_distribution_says_all_that_its_page_shows(file: Path) -> None:
    said = project(file)
    assert said["version"] == sepkit.__version__
    assert said["authors"]
    assert {"Documentation", "Source", "Issues", "Changelog"} <= said["urls"].keys()
    folder = file.parent.relative_to(ROOT).as_posix()
    assert said["urls"]["Source"].endswith(folder) or folder == "."
    assert said["license"] == "MIT"
    assert (file.parent / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (file.parent / said["readme"]).is_file()
    lowest = int(said["requires-python"].removeprefix(">=3."))
    versions = [text for text in said["classifiers"] if text.startswith("Programming Language :: Python :: 3.")]
    assert versions == [f"Programming Language :: Python :: 3.{minor}" for minor in range(lowest, 15)]
    assert all(sepkit.__version__ in SpecifierSet(asked) for asked in asked_of_sepkit(said))


def test_all_brings_every_plugin() -> None:
    names = {project(file)["name"] for file in PROJECTS}
    assert {"sepkit", *project(PROJECTS[0])["optional-dependencies"]["all"]} == names


def test_a_version_is_set_everywhere(release: ModuleType, checkout: Path) -> None:
    for version, within in (("0.2.0", ">=0.2,<0.3"), ("1.10.3", ">=1.10,<1.11")):
        changelog = (checkout / "CHANGELOG.md").read_text()
        (checkout / "CHANGELOG.md").write_text(
            re.sub(r"^## .+$", "## 9.9.9, not yet released", changelog, count=1, flags=re.M)
        )
        release.set_version(checkout, version, TODAY)
        for file in PROJECTS:
            said = project(checkout / file.relative_to(ROOT))
            assert said["version"] == version
            assert asked_of_sepkit(said) <= {within}
        assert f'"{version}"' in (checkout / "sepkit/version.py").read_text()
        assert f"\nversion: {version}\ndate-released: 2030-01-02\n" in (checkout / "CITATION.cff").read_text()
        assert (checkout / "CITATION.cff").read_text().count("2030-01-02") == 1
        assert f"## {version}, 2030-01-02\n" in (checkout / "CHANGELOG.md").read_text()


def test_a_place_that_lost_its_version_is_told(release: ModuleType, checkout: Path) -> None:
    (checkout / "CITATION.cff").write_text("title: sepkit\n")
    with pytest.raises(SystemExit, match=r"CITATION\.cff"):
        release.set_version(checkout, "0.2.0", TODAY)


def test_notes_are_one_section_of_the_changelog(release: ModuleType) -> None:
    first = "## 0.1.0, 2030-01-02\n\n- first\n\n### more\n\n- second\n"
    changelog = f"# Changelog\n\n## 0.2.0, not yet released\n\n- new\n\n{first}"
    assert release.notes(changelog, "0.1.0") == "- first\n\n### more\n\n- second"
    with pytest.raises(SystemExit, match="not yet released"):
        release.notes(changelog, "0.2.0")
    with pytest.raises(SystemExit, match=r"nothing about 0\.1"):
        release.notes(changelog, "0.1")


def test_the_recipe_for_conda_builds_every_distribution() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools/conda.py"], capture_output=True, encoding="utf-8", check=True)
    outputs = {output["package"]["name"]: output for output in json.loads(done.stdout)["outputs"]}
    assert set(outputs) == {project(file)["name"] for file in PROJECTS}
    run = outputs["sepkit-web"]["requirements"]["run"]
    assert {"fastapi", "sepkit", "matplotlib", "pygls"} <= {text.split()[0] for text in run}
    assert "pytorch >=2.4" in outputs["sepkit-nae"]["requirements"]["run"]
    assert not [text for output in outputs.values() for text in output["requirements"]["run"] if "[" in text]
