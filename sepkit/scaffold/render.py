"""Filling in the templates of a new plugin."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

from sepkit.errors import ConfigError
from sepkit.plugin import API
from sepkit.problem.statement import published_name
from sepkit.version import __version__

TEMPLATES = Path(__file__).parent / "templates"

SUMMARIES = {
    "separator": "one band of frequencies for each source, low to high",
    "prior": "activations change little from frame to frame",
    "constraint": "templates are zero above a frequency",
}
"""What the generated code does, for every kind of plugin."""

LONGEST_NAME = 40
"""So that no line of the generated code grows beyond what its formatter allows."""

_IMPORTED = re.compile(r"^from \S+ import (.+)$", re.MULTILINE)
_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def render(name: str, kind: str) -> dict[str, str]:
    """The files of a new plugin.

    Parameters
    ----------
    name : str
        Of the separator, prior or constraint, in kebab-case.
    kind : str
        One of `SUMMARIES`.

    Returns
    -------
    files : dict of str to str
        Text by path below the plugin's folder, with slashes.

    Raises
    ------
    ConfigError
        If a plugin cannot have this name.
    """
    require_name(name, kind)
    class_name, package = _class_name(name), f"sepkit_{name.replace('-', '_')}"
    fields = {
        "api": str(API),
        "class_name": class_name,
        "distribution": f"sepkit-{name}",
        "kind": kind,
        "name": name,
        "package": package,
        "requirement": requirement(__version__),
        "summary": SUMMARIES[kind],
    }
    files = {}
    for folder in (TEMPLATES / "common", TEMPLATES / kind):
        for file in folder.rglob("*.txt"):
            template = file.read_text(encoding="utf-8")
            if any(class_name in names.split(", ") for names in _IMPORTED.findall(template)):
                raise ConfigError(f"a class {class_name} would hide the {class_name} that plugins use; choose another")
            target = _target(file.relative_to(folder).as_posix(), package)
            files[target] = Template(template).substitute(fields)
    return dict(sorted(files.items()))


def require_name(name: str, kind: str) -> None:
    """A plugin of this kind can have this name.

    Raises
    ------
    ConfigError
    """
    if not _KEBAB.fullmatch(name):
        raise ConfigError(f"a plugin's name is written in kebab-case, as in 'score-nmf', given '{name}'")
    if len(name) > LONGEST_NAME:
        raise ConfigError(f"a plugin's name has at most {LONGEST_NAME} letters, given {len(name)}: '{name}'")
    if name == "sepkit" or name.startswith("sepkit-"):
        wanted = name.removeprefix("sepkit").lstrip("-") or "NAME"
        raise ConfigError(f"the package is called sepkit-NAME by itself; give NAME alone: sepkit new {wanted}")
    if keyword.iskeyword(name.replace("-", "_")) or keyword.iskeyword(_class_name(name)):
        raise ConfigError(f"'{name}' is a word of the Python language and cannot name a class; choose another")
    published = published_name(_class_name(name))
    if kind != "separator" and published != name:
        raise ConfigError(
            f"a {kind} goes by the name of its class, and {_class_name(name)} is '{published}' in kebab-case, not "
            f"'{name}'; write numbers and single letters without a hyphen before them"
        )


def requirement(version: str) -> str:
    """The range of sepkit's versions that a plugin written for `version` can expect to work with.

    Examples
    --------
    >>> requirement("0.1.3"), requirement("2.4.0")
    ('sepkit>=0.1,<0.2', 'sepkit>=2.4,<3')
    """
    major, minor = (int(part) for part in re.findall(r"\d+", version)[:2])
    above = f"{major}.{minor + 1}" if major == 0 else f"{major + 1}"
    return f"sepkit>={major}.{minor},<{above}"


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _target(path: str, package: str) -> str:
    """Where a template's text goes."""
    path = path.removesuffix(".txt").replace("src/package/", f"src/{package}/")
    # A hidden file among the templates would have its effect on them.
    return ".gitignore" if path == "gitignore" else path
