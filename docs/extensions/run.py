"""The directive ``run``: code of a page that is run while the page is built, with what it prints, draws and plays.

The blocks of a page share their names, in their order, as the cells of a notebook do; the value of a block's last line
is shown as there: a `Separation` as a mixer, an `Audio` as a player, a figure as a picture. What fails, fails the
build. Sphinx reads a page anew only if it or the code of sepkit has changed, so that nothing runs twice for nothing.

Options
-------
alt : str
    What is to be seen in the picture, for those who cannot; no picture goes without.
caption : str
    A line below the picture.
hide-code : flag
    The outcome alone is shown.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from extensions.shown import html_of, is_picture, write_picture

PICTURES = "auto/pictures"
_SHARED = "names of the blocks that were run"


class Run(SphinxDirective):
    """Code, what it printed, and the value of its last line."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "alt": directives.unchanged_required,
        "caption": directives.unchanged_required,
        "hide-code": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Called by docutils."""
        code = "\n".join(self.content)
        shared: dict[str, Any] = self.env.temp_data.setdefault(_SHARED, {"__name__": "__main__"})
        try:
            printed, value = executed(code, f"{self.env.docname}, line {self.content_offset + 1}", shared)
        except Exception as error:
            raise self.error(f"the code does not run: {type(error).__name__}: {error}") from error
        shown: list[nodes.Node] = []
        if "hide-code" not in self.options:
            shown.append(nodes.literal_block(code, code, language="python"))
        if printed:
            shown.append(nodes.literal_block(printed, printed, language="text", classes=["printed"]))
        return shown + self.value_nodes(value)

    def value_nodes(self, value: Any) -> list[nodes.Node]:
        """What the last line comes to."""
        if value is None:
            return []
        if is_picture(value):
            return [self.picture(value)]
        if html := html_of(value):
            return [nodes.raw("", f'<div class="played">{html}</div>', format="html")]
        return [nodes.literal_block(repr(value), repr(value), language="text", classes=["printed"])]

    def picture(self, figure: Any) -> nodes.Node:
        """The figure as a picture of this page."""
        if "alt" not in self.options:
            raise self.error("a picture needs :alt:, which says what is to be seen in it")
        number = self.env.temp_data["pictures"] = self.env.temp_data.get("pictures", 0) + 1
        path = f"{PICTURES}/{self.env.docname.replace('/', '-')}-{number}.png"
        write_picture(figure, Path(self.env.srcdir, path))
        image = nodes.image(uri=f"/{path}", alt=self.options["alt"])
        if "caption" not in self.options:
            return image
        text, _ = self.parse_inline(self.options["caption"])
        return nodes.figure("", image, nodes.caption("", "", *text))


def executed(code: str, name: str, shared: dict[str, Any]) -> tuple[str, Any]:
    """What code prints, and the value of its last line if that is an expression; it runs in an empty folder."""
    parsed = ast.parse(code, name)
    last = parsed.body.pop() if parsed.body and isinstance(parsed.body[-1], ast.Expr) else None
    home = Path.cwd()
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed):
        os.chdir(folder)
        try:
            exec(compile(parsed, name, "exec"), shared)
            value = eval(compile(ast.Expression(last.value), name, "eval"), shared) if last else None
        finally:
            os.chdir(home)
    return printed.getvalue(), value


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("run", Run)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
