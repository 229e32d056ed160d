"""Progress in a notebook: a bar that is drawn anew in place."""

from __future__ import annotations

import html
from typing import Any, Literal

from sepkit.errors import ConfigError, SepkitError
from sepkit.problem.run import Progress, Reporter

Reporting = Reporter | Literal["notebook"]


def reporter_of(given: Reporting | None) -> Reporter | None:
    """The reporter that a caller means.

    Parameters
    ----------
    given : callable, "notebook" or None

    Raises
    ------
    ConfigError
        If it is neither.
    SepkitError
        If there is no IPython to draw by.
    """
    if given == "notebook":
        return NotebookBar()
    if given is None or callable(given):
        return given
    raise ConfigError(f"reporter needs to be callable or 'notebook', given {given!r}")


class NotebookBar:
    """Draws a bar below the cell, anew when something has changed that can be seen."""

    def __init__(self) -> None:
        try:
            from IPython.display import HTML, display
        except ImportError as error:
            raise SepkitError(f"a bar in a notebook needs IPython ({error}); give a callable as reporter") from error
        self._html = HTML
        self._shown = ""
        self._handle: Any = display(HTML(""), display_id=True)

    def __call__(self, progress: Progress) -> None:
        percent = int(100 * progress.fraction)
        bar = f"{html.escape(progress.stage)} <progress max='100' value='{percent}'></progress> {percent} %"
        if bar != self._shown:
            self._shown = bar
            # Outside of a notebook there is no handle to draw by.
            if self._handle is not None:
                self._handle.update(self._html(bar))
