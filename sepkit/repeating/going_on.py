"""Going on from a result: labels are added to those it was made with, and its variables are the next start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sepkit.config import Config
from sepkit.errors import ConfigError
from sepkit.repeating.record import Record
from sepkit.solving.digests import digest_file

_VARIABLES = "variables.npz"


def start_of(record: Record, options: type[Config]) -> dict[str, Any]:
    """The option with which a method starts from the variables that a result was written with.

    Parameters
    ----------
    record : Record
    options : type
        The configuration's model.

    Returns
    -------
    config : dict
        Empty where there are none, or the method takes none.

    Raises
    ------
    ConfigError
        If they are there no longer, or other ones.
    """
    name = _variables(record)
    if name is None or "start" not in options.model_fields:
        return {}
    path = Path(record.found_in, name)
    if not os.path.isfile(path) or digest_file(path) != record.digests[name]:
        raise ConfigError(
            f"{path} is not what the record lists, so that nothing can go on from it; put it back, or separate anew"
        )
    return {"start": path}


def told_start(record: Record, config: Config) -> str:
    """Where a separation with more labels began, in words for the user."""
    added = "the labels are added to those of the record"
    name = _variables(record)
    if name is not None and getattr(config, "start", None) == Path(record.found_in, name):
        return f"{added}; it went on from the variables in {record.found_in}"
    if name is None:
        return f"{added}; it began anew, as the record has no variables: write them with --save-variables"
    return f"{added}; it began anew"


def _variables(record: Record) -> str | None:
    """The file of variables among those that a record lists."""
    return next((name for name in record.digests if name.endswith(_VARIABLES)), None)
