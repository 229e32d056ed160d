"""How Sphinx builds these pages: ``make docs``, or ``sphinx-build -W --keep-going -n docs docs/_build/html``.

Examples and the code of pages run while the pages are built. What they draw, and the gallery's pages, go to
``docs/auto``, and are made anew where the example, the page or the code of sepkit has changed.
"""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

import sepkit
import sepkit_demucs.architecture  # noqa: F401  Once autodoc has been at pydantic's BaseModel, no model takes extras.

sys.path.insert(0, str(Path(__file__).parent))

from extensions.freshness import digest_of_code, has_changed

project = "sepkit"
author = "the sepkit authors"
copyright = author
version = release = sepkit.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "extensions.freshness",
    "extensions.gallery",
    "extensions.run",
    "course.directives",
]
exclude_patterns = ["_build", "course", "examples", "gallery", "auto/gallery/sg_execution_times.rst"]
nitpicky = True

html_theme = "furo"
html_title = f"sepkit {release}"
html_show_sourcelink = False
# MathJax is a part of the pages, in one file, so that formulas need no network.
mathjax_path = "tex-svg.js"
html_static_path = ["static", str(files("mathjax") / "static/mathjax/es5" / mathjax_path)]
html_favicon = "static/favicon.svg"
html_css_files = ["pages.css"]

myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# The workers of an example would tell every step.
os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "error")

code_digest = digest_of_code()
sphinx_gallery_conf = {
    "examples_dirs": ["gallery"],
    "gallery_dirs": ["auto/gallery"],
    "filename_pattern": r"\.py",
    "within_subsection_order": "extensions.gallery.Order",
    "image_scrapers": ("extensions.gallery.picture",),
    "capture_repr": ("_repr_html_",),
    "reset_modules": (),
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
    "first_notebook_cell": '# Needs: pip install "sepkit[all,cluster,plot]"',
    "abort_on_example_error": True,
    "run_stale_examples": has_changed(code_digest),
}

autodoc_member_order = "bysource"
# Types stand in the docstrings, with shapes and units, where Python's own say less.
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
autosummary_generate = False
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = "py:obj"

# Bases that are documented elsewhere; no network is needed to build these pages.
nitpick_ignore_regex = [
    ("py:.*", r"(abc|collections|enum|functools|typing|pydantic|pluggy|numpy|scipy|threading|torch|Generic)(\..*|)")
]

Node = nodes.Element


def resolve_short_name(app: Sphinx, env: Any, node: Node, content: Node) -> Node | None:
    """Where `Audio` or `Run.steps` is said, sepkit's is meant; what is a parameter's name stays plain text."""
    if node.get("refdomain") != "py":
        return None
    name = str(node["reftarget"]).lstrip("~.")
    ending = f".{name.removeprefix('sepkit.')}"
    known = env.get_domain("py").objects
    # Public names are documented as sepkit.Audio, and hints name the module that defines them.
    candidates = [known_name for known_name in known if known_name.endswith(ending)]
    if not candidates and name.startswith("sepkit."):
        candidates = [known_name for known_name in known if known_name.endswith(f".{name.rpartition('.')[2]}")]
    if len(candidates) == 1 or (candidates and "." in name):
        found = min(candidates, key=len)
        entry = known[found]
        return make_refnode(app.builder, str(node.get("refdoc")), entry.docname, entry.node_id, content, found)
    is_plain = node["reftype"] == "obj" and "." not in name
    return content if is_plain else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("missing-reference", resolve_short_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
