"""Going on from a result: labels are added to those it was made with, and its variables are the next start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sepkit.config import Config
from sepkit.errors import ConfigError
from sepkit.repeating.record import Record
from sepkit.solving.digests import digest_file
from sepkit.solving.writing import VARIABLES


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
    if VARIABLES not in record.digests or "start" not in options.model_fields:
        return {}
    path = Path(record.found_in, VARIABLES)
    if not os.path.isfile(path) or digest_file(path) != record.digests[VARIABLES]:
        raise ConfigError(
            f"{path} is not what the record lists, so that nothing can go on from it; put it back, or separate anew"
        )
    return {"start": path}


def told_start(record: Record, config: Config) -> str:
    """Where a separation with more labels began, in words for the user."""
    added = "the labels are added to those of the record"
    if getattr(config, "start", None) == Path(record.found_in, VARIABLES):
        return f"{added}; it went on from the variables in {record.found_in}"
    if VARIABLES not in record.digests:
        return f"{added}; it began anew, as the record has no variables: write them with --save-variables"
    return f"{added}; it began anew"
