"""Where all that a separation was made from came from, for its record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sepkit.music.audio import Audio
from sepkit.music.origin import Origin
from sepkit.music.score import Score
from sepkit.music.side import SideInformation
from sepkit.solving.digests import paths_of


def origins(
    mixture: Audio, side_information: SideInformation, weights: Path | None, options: Mapping[str, BaseModel]
) -> dict[str, Any]:
    """The files of the mixture, of everything known about it, of the weights, and those that options name.

    Parameters
    ----------
    mixture : Audio
    side_information : SideInformation
    weights : Path or None
    options : mapping of str to Config
        Those of the method and of statements, by whose they are.

    Returns
    -------
    given : dict
        ``mixture``, ``f0``, ``references``, ``options`` ... as they were given, with absolute paths in place of values
        and None for what was made in memory. Of a score it also holds the rule for its parts.
    """
    known = {field.name: getattr(side_information, field.name) for field in fields(side_information)}
    return {
        **{name: _origin(value) for name, value in {"mixture": mixture, **known}.items()},
        "weights": None if weights is None else os.path.abspath(weights),
        "options": {name: os.path.abspath(path) for name, path in paths_of(options).items()},
    }


def _origin(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {name: _origin(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_origin(one) for one in value]
    origin = value.origin or Origin()
    path = None if origin.path is None else str(origin.path)
    return {"path": path, "parts": origin.parts, "pedal": origin.pedal} if isinstance(value, Score) else path
