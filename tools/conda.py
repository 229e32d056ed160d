"""Print a recipe by which rattler-build makes conda packages of all distributions of this repository.

``python tools/conda.py > recipe.yaml`` builds from this checkout; with ``--url`` and
``--sha256`` from a release's archive.
What is needed stands in each ``pyproject.toml`` alone; conda knows no extras, so those of our own are spelt out.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"soundfile": "pysoundfile", "soxr": "soxr-python", "torch": "pytorch"}
"""Where conda-forge calls a package otherwise than PyPI."""

Project = dict[str, Any]


def main() -> None:
    """Print the recipe; JSON is YAML."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="of the release's archive")
    parser.add_argument("--sha256", help="of that archive")
    given = parser.parse_args()
    if bool(given.url) != bool(given.sha256):
        parser.error("--url and --sha256 go together")
    source = {"url": given.url, "sha256": given.sha256} if given.url else {"path": str(ROOT)}
    print(json.dumps(recipe(source), indent=2))


def recipe(source: dict[str, str]) -> dict[str, Any]:
    """One output a distribution, the core first."""
    folders = [ROOT, *sorted(file.parent for file in ROOT.glob("plugins/*/pyproject.toml"))]
    projects = {folder: tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")) for folder in folders}
    core = projects[ROOT]["project"]
    return {
        "schema_version": 1,
        "recipe": {"name": "sepkit", "version": core["version"]},
        "source": source,
        "outputs": [output(folder, file["project"], core) for folder, file in projects.items()],
        "about": about(core),
    }


def output(folder: Path, project: Project, core: Project) -> dict[str, Any]:
    """How one distribution is built, what it needs, and that it can be imported."""
    package = project["name"].replace("-", "_")
    scripts = [f"{name} = {entry}" for name, entry in project.get("scripts", {}).items()]
    place = f"./{folder.relative_to(ROOT)}" if folder != ROOT else "."
    install = f"python -m pip install {place} --no-deps --no-build-isolation -vv"
    return {
        "package": {"name": project["name"]},
        "build": {"noarch": "python", "script": install, "python": {"entry_points": scripts}},
        "requirements": {
            "host": ["python >=3.10", "pip", "hatchling >=1.27"],
            "run": [f"python {project['requires-python']}", *run_requirements(project, core)],
        },
        "tests": [{"python": {"imports": [package], "pip_check": True}}],
        "about": about(project),
    }


def run_requirements(project: Project, core: Project) -> list[str]:
    """What has to be there at run time, in conda's words."""
    found: dict[str, str] = {}
    for text in project["dependencies"]:
        name, extras, versions = re.fullmatch(r"([\w.-]+)(?:\[([\w,]+)\])?(.*)", text).groups()  # type: ignore[union-attr]
        found[CONDA_NAMES.get(name, name)] = versions
        for extra in extras.split(",") if extras and name == core["name"] else ():
            for inner in core["optional-dependencies"][extra]:
                name, versions = re.fullmatch(r"([\w.-]+)(.*)", inner).groups()  # type: ignore[union-attr]
                found.setdefault(CONDA_NAMES.get(name, name), versions)
    return [f"{name} {versions}".strip() for name, versions in sorted(found.items())]


def about(project: Project) -> dict[str, Any]:
    """What conda's pages show."""
    urls = project["urls"]
    return {
        "summary": project["description"],
        "license": project["license"],
        "license_file": "LICENSE",
        "homepage": urls["Source"],
        "documentation": urls["Documentation"],
    }


if __name__ == "__main__":
    main()
