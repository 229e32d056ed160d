"""Write down what the plugins of this repository publish, where the core and the README tell of it.

``python tools/published.py`` writes; with ``--check`` it says what is out of date and exits with 1. It reads
nothing but specs, so plugins need not be installed.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from sepkit.plugin.installed import GROUP
from sepkit.plugin.loader import load_plugin
from sepkit.plugin.specs import SeparatorSpec, Spec, StatementSpec
from sepkit.problem.needs import in_plain_words

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
KNOWN = ROOT / "sepkit/plugin/known.py"
README = ROOT / "README.md"
COMMAND = "make published"

Published = dict[str, list[tuple[str, Spec]]]
"""Specs by distribution, each with the folder of its plugin relative to the repository; none for what is built in."""


def published() -> Published:
    """What sepkit and each plugin of the repository publish."""
    found: Published = {"sepkit": [("", spec) for spec in _specs("builtin", "sepkit.builtin.plugin")]}
    for file in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        sys.path.insert(0, str(file.parent / "src"))
        folder = file.parent.relative_to(ROOT).as_posix()
        modules = project.get("entry-points", {}).get(GROUP, {})
        specs = [(folder, spec) for name, module in modules.items() for spec in _specs(name, module)]
        if specs:
            found[project["name"]] = specs
    return found


def _specs(name: str, module: str) -> tuple[Spec, ...]:
    record = load_plugin(name, lambda: importlib.import_module(module))
    if record.reason:
        sys.exit(f"plugin {name} is {record.state.value}: {record.reason}\n{record.traceback}")
    return record.specs


def known(published: Published) -> str:
    """The module that knows which distribution publishes what, for hints at what is not installed."""
    kinds: dict[str, dict[str, str]] = defaultdict(dict)
    for distribution, specs in published.items():
        for _, spec in specs if distribution != "sepkit" else ():
            kinds[spec.kind][spec.name] = distribution
    lines = [
        f'"""Which distribution publishes what, to hint at what is not installed. Written by ``{COMMAND}``."""',
        "",
        "KNOWN: dict[str, dict[str, str]] = {",
    ]
    for kind in sorted(kinds):
        lines.append(f"    {json.dumps(kind)}: {{")
        lines += [f"        {json.dumps(name)}: {json.dumps(kinds[kind][name])}," for name in sorted(kinds[kind])]
        lines.append("    },")
    return "\n".join([*lines, "}", ""])


def readme(published: Published, text: str) -> str:
    """The README with its two tables as the specs have them: the plugins' rows first, then what is built in."""
    rows = sorted(
        (distribution == "sepkit", spec.kind, spec.name, distribution, folder, spec)
        for distribution, specs in published.items()
        for folder, spec in specs
    )
    methods = _table(
        ("method", "package", "what it does", "needs"),
        (
            (
                f"[`{name}`]({folder}/README.md)" if folder else f"`{name}`",
                f"`{package}`",
                spec.summary,
                in_plain_words(spec.needs),
            )
            for _, _, name, package, folder, spec in rows
            if isinstance(spec, SeparatorSpec)
        ),
    )
    statements = _table(
        ("statement", "kind", "package", "about", "what it says"),
        (
            (f"`{name}`", kind, f"`{package}`", ", ".join(map(str, spec.domains)), spec.summary)
            for _, kind, name, package, _, spec in rows
            if isinstance(spec, StatementSpec)
        ),
    )
    return _between(_between(text, "methods", methods), "statements", statements)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for cells in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _between(text: str, name: str, lines: Iterable[str]) -> str:
    """`text` with `lines` between the two comments that mark the table `name`."""
    pattern = re.compile(rf"(<!-- {name}, written by {COMMAND} -->\n).*?(<!-- end of {name} -->)", re.S)
    if not pattern.search(text):
        sys.exit(f"{README.name} has no comments that mark the table of {name}")
    return pattern.sub(lambda marks: marks[1] + "".join(f"{line}\n" for line in lines) + marks[2], text)


def main(check: bool) -> None:
    """Write both files, or compare them with what would be written."""
    specs = published()
    wanted = {KNOWN: known(specs), README: readme(specs, README.read_text(encoding="utf-8"))}
    stale = [file for file, text in wanted.items() if not file.is_file() or file.read_text(encoding="utf-8") != text]
    if check and stale:
        names = ", ".join(file.relative_to(ROOT).as_posix() for file in stale)
        sys.exit(f"not what the plugins publish: {names}; write them with: {COMMAND}")
    for file in stale:
        file.write_text(wanted[file], encoding="utf-8")


if __name__ == "__main__":
    main("--check" in sys.argv[1:])
