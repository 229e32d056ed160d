"""Tables of the plugins' READMEs, where measured figures stand once."""

from __future__ import annotations

import re
from pathlib import Path

PLUGINS = Path(__file__).parents[2] / "plugins"


def readme_of(plugin: str) -> Path:
    """The README of a plugin of this repository, by the name of its folder."""
    return PLUGINS / plugin / "README.md"


def table_of(plugin: str, heading: str, number: int = 1, rows: str = "") -> str:
    """A table of a plugin's README, as Markdown.

    Parameters
    ----------
    plugin : str
        Name of its folder.
    heading : str
        Of the section, up to the next heading of whatever level.
    number : int
        Which table of the section; 1 is the first.
    rows : str
        Regular expression that is found in the rows that are wanted.

    Raises
    ------
    ValueError
        If there is no such section, table or row.
    """
    # Comments in code look like headings.
    text = re.sub(r"^```.*?^```$", "", readme_of(plugin).read_text(encoding="utf-8"), flags=re.M | re.S)
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", text, re.M | re.S)
    if section is None:
        raise ValueError(f"the README of {plugin} has no section '{heading}'")
    tables = re.findall(r"(?:^\|.*\|[ \t]*\n)+", section[1] + "\n", re.M)
    if len(tables) < number:
        raise ValueError(f"section '{heading}' of {plugin} has {len(tables)} tables, wanted number {number}")
    lines = tables[number - 1].splitlines()
    wanted = [line for line in lines[2:] if re.search(rows, line)]
    if not wanted:
        raise ValueError(f"no row under '{heading}' of {plugin} is like '{rows}'")
    return "\n".join([*lines[:2], *wanted])
