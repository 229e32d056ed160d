"""Directives of the pages on methods: ``idea``, ``listen``, ``turned`` and ``measured``."""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from . import render
from .readmes import readme_of, table_of

KEPT = Path(__file__).parents[1] / "auto" / "course"
"""Where sounds, pictures and figures are kept from one build to the next."""

_FIGURES = re.compile(r"[-\d. →]+")


class player(addnodes.download_reference):
    """A sound to listen to; Sphinx copies it as it copies downloads."""


def _visit(translator: Any, node: player) -> None:
    source = posixpath.join(translator.builder.dlpath, quote(node["filename"]))
    label = translator.encode(node["label"])
    translator.body.append(f'<audio controls preload="none" src="{source}" aria-label="{label}"></audio>')
    raise nodes.SkipNode


def _skip(translator: Any, node: player) -> None:
    raise nodes.SkipNode


class _Course(SphinxDirective):
    """What all share: nodes for sounds, pictures and tables."""

    required_arguments = 1

    def placed(self, path: Path) -> str:
        """How nodes of this page call a file of `KEPT`."""
        return "/" + path.relative_to(self.env.srcdir).as_posix()

    def play(self, path: Path, label: str) -> nodes.Node:
        """A player."""
        return player("", reftarget=self.placed(path), refdoc=self.env.docname, label=label)

    def image(self, path: Path, alt: str) -> nodes.Node:
        """A picture."""
        return nodes.image(uri=self.placed(path), alt=alt)

    def depend(self, *paths: Path) -> None:
        """Read the page again when one of these changes."""
        for path in paths:
            self.env.note_dependency(str(path))

    def table(self, head: list[str], rows: list[list[str | nodes.Node]]) -> nodes.table:
        """A table; cells of text may hold code between backquotes."""
        group = nodes.tgroup(cols=len(head))
        group.extend(nodes.colspec(colwidth=1) for _ in head)
        group += nodes.thead("", self._row(list(head)))
        group += nodes.tbody("", *(self._row(row) for row in rows))
        wrapped = nodes.table("", group)
        wrapped["classes"].append("colwidths-auto")
        return wrapped

    def _row(self, cells: list[str | nodes.Node]) -> nodes.row:
        row = nodes.row()
        for cell in cells:
            paragraph = nodes.paragraph("", "", *(_inline(cell) if isinstance(cell, str) else [cell]))
            classes = ["measured"] if isinstance(cell, str) and _FIGURES.fullmatch(cell) else []
            row += nodes.entry("", paragraph, classes=classes)
        return row


def _db(value: float) -> str:
    """With one decimal, and without a sign before nothing."""
    return f"{round(value, 1) + 0:.1f}"


def _inline(text: str) -> list[nodes.Node]:
    return [
        nodes.literal(part[1:-1], part[1:-1]) if part.startswith("`") else nodes.Text(part)
        for part in re.split(r"(`[^`]+`)", text)
        if part
    ]


class Idea(_Course):
    """A picture of an idea, and the sounds that belong to it."""

    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        picture = render.drawn(self.arguments[0], KEPT)
        self.depend(*render.code_of(None))
        made: list[nodes.Node] = [self.image(picture, self.options["alt"])]
        listed = picture.with_name("sounds.json")
        if listed.is_file():
            sounds = json.loads(listed.read_text())
            rows: list[list[str | nodes.Node]] = []
            for row in sounds["rows"]:
                cells = [row[column] for column in sounds["columns"]]
                played = [
                    self.play(picture.with_name(cell), f"{row['told']}, {column}") if cell.endswith(".flac") else cell
                    for column, cell in zip(sounds["columns"], cells, strict=True)
                ]
                rows.append([row["told"], *played])
            made.append(self.table(["", *sounds["columns"]], rows))
        return made


class Listen(_Course):
    """The recording of an experiment, its stems, true and found, and a picture of them."""

    def run(self) -> list[nodes.Node]:
        folder = render.rendered(self.arguments[0], KEPT)
        self.depend(*render.code_of(render.EXPERIMENTS[self.arguments[0]]))
        figures = json.loads((folder / "figures.json").read_text())
        default = figures["rows"][0]["sdr"]
        rows: list[list[str | nodes.Node]] = [["mixture", self.play(folder / "mixture.flac", "the mixture"), "", ""]]
        for name, value in default.items():
            true = folder / f"true-{name}.flac"
            rows.append(
                [
                    name,
                    self.play(folder / f"0-{name}.flac", f"{name}, found"),
                    self.play(true, f"{name}, true") if true.is_file() else "",
                    "" if value is None else f"{_db(figures['mixture'][name])} → {_db(value)}",
                ]
            )
        alt = f"Spectrograms of the mixture and, of {', '.join(default)}, the true stem, the one found, and its share."
        return [
            self.table(["", "found", "true", "SDR, dB"], rows),
            self.image(folder / "picture.png", alt),
        ]


class Turned(_Course):
    """What the settings of an experiment come to: SDR of each stem, and its first stem to listen to."""

    def run(self) -> list[nodes.Node]:
        folder = render.rendered(self.arguments[0], KEPT)
        self.depend(*render.code_of(render.EXPERIMENTS[self.arguments[0]]))
        figures = json.loads((folder / "figures.json").read_text())
        measured = [name for name in figures["sources"] if figures["rows"][0]["sdr"].get(name) is not None]
        heard = next(iter(figures["rows"][0]["sdr"]))
        rows: list[list[str | nodes.Node]] = []
        for number, row in enumerate(figures["rows"]):
            values = [row["sdr"].get(name) for name in measured]
            sound = folder / f"{number}-{heard}.flac"
            rows.append(
                [
                    row["told"],
                    *("" if value is None else _db(value) for value in values),
                    self.play(sound, f"{heard}, {row['told'].replace('`', '')}") if sound.is_file() else "",
                ]
            )
        return [self.table(["", *(f"{name}, dB" for name in measured), heard], rows)]


class Measured(_Course):
    """A table of a plugin's README, taken from there so that figures stand in one place.

    The argument is the plugin's folder; ``heading`` the section, ``table`` which of its tables (1 is the first),
    ``rows`` a regular expression for the rows that are shown.
    """

    option_spec: ClassVar[dict[str, Any]] = {
        "heading": directives.unchanged_required,
        "table": directives.positive_int,
        "rows": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        plugin, options = self.arguments[0], self.options
        self.depend(readme_of(plugin))
        try:
            table = table_of(plugin, options["heading"], options.get("table", 1), options.get("rows", ""))
        except ValueError as error:
            raise self.error(str(error)) from error
        made: list[nodes.Node] = self.parse_text_to_nodes(table)
        return made


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_node(player, html=(_visit, None), latex=(_skip, None), text=(_skip, None))
    for name, directive in (("idea", Idea), ("listen", Listen), ("turned", Turned), ("measured", Measured)):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
