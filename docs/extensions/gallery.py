"""How sphinx-gallery shows what an example draws, the order of the examples, and links in notebooks.

A figure that is the value of a block's last line becomes a picture, as in a notebook; a line of the block that begins
with ``# sphinx_gallery_alt =`` says what is to be seen there, for those who cannot. No picture goes without.
"""

from __future__ import annotations

import ast
import os
import re
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx_gallery import notebook
from sphinx_gallery.py_source_parser import extract_file_config
from sphinx_gallery.scrapers import figure_rst

from extensions.shown import is_picture, write_picture

ORDER = (
    "hands_of_a_piano",
    "quartet_minus_one",
    "drums",
    "choir",
    "singer_from_labels",
    "without_help",
    "method_of_your_own",
    "prior_of_your_own",
    "training_on_your_stems",
    "adapting_to_a_piece",
    "batch_on_a_cluster",
    "embedding",
)
"""From listening to writing methods to running them in programs."""

PUBLISHED = dict(entry.split(", ", 1) for entry in metadata("sepkit").get_all("Project-URL", []))["Documentation"]
"""Where these pages are found by those who read them in a notebook."""

_PAGE = re.compile(r":doc:`(?:([^`<]+?)\s*<)?/([^`>]+)>?`")
_THUMBNAIL = re.compile(r"sphx_glr_(\w+)_thumb\.\w+$")


def picture(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """The picture of a block, as reStructuredText."""
    body = ast.parse(block.content).body
    value = block_vars["example_globals"].get("___") if body and isinstance(body[-1], ast.Expr) else None
    if not is_picture(value):
        return ""
    alt = extract_file_config(block.content).get("alt")
    if alt is None:
        raise ExtensionError(f"{block_vars['src_file']}: a picture needs # sphinx_gallery_alt = 'what is to be seen'")
    path = block_vars["image_path_iterator"].next()
    write_picture(value, Path(path))
    return figure_rst([path], gallery_conf["src_dir"], alt)


def linked(text: str, folder: Path) -> str:
    """Text of a notebook, which knows no roles, with links to pages of the published documentation."""

    def link(found: re.Match[str]) -> str:
        told, page = found.groups()
        heading = re.search(r"^# (.+)$", (folder / f"{page}.md").read_text(encoding="utf-8"), re.M)
        return f"[{told or (heading[1] if heading else page)}]({PUBLISHED}/page/{page}.html)"

    return _PAGE.sub(link, text)


def name_thumbnails(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give each thumbnail the title of its example, for those who cannot see it."""
    for image in doctree.findall(nodes.image):
        if (thumbnail := _THUMBNAIL.search(image["uri"])) and not image.get("alt"):
            image["alt"] = app.env.titles[f"auto/gallery/{thumbnail[1]}"].astext()


class Order:
    """Sorts examples as `ORDER` does."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        pass

    def __call__(self, name: str | os.PathLike[str]) -> int:
        """The place of an example."""
        return ORDER.index(Path(name).stem)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    # sphinx-gallery has no hook for this.
    rst2md = notebook.rst2md
    notebook.rst2md = lambda text, *options: rst2md(linked(text, app.srcdir), *options)
    app.connect("doctree-resolved", name_thumbnails)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
