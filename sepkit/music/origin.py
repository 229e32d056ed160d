"""Where what was read came from, so that it can be read again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The file that a recording, a score or an F0 track was read from, and how.

    Attributes
    ----------
    path : Path or None
        Absolute; None where it is not known.
    parts : str
        Of a score: the rule for its parts, as of `read_with_parts`.
    pedal : bool
        Of a score: whether notes sound on while the pedal is held.
    """

    path: Path | None = None
    parts: str = "track"
    pedal: bool = True

    @classmethod
    def of(cls, path: str | os.PathLike[str], **known: Any) -> Origin | None:
        """That of a file; None for what cannot be read twice, such as a pipe."""
        return cls(path=Path(os.path.abspath(path)), **known) if os.path.isfile(path) else None
