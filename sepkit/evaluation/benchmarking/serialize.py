"""Datasets and metrics as plain types, so that another process can make the same ones."""

from __future__ import annotations

import importlib
import json
from typing import Any

from sepkit.config import Config
from sepkit.errors import ConfigError


def serialize(made: Config) -> dict[str, Any]:
    """Class and options of a dataset or metric, ready for JSON; `deserialize` makes it again.

    Raises
    ------
    ConfigError
        If its class is in no module that another process could import.
    """
    kind = type(made)
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise ConfigError(f"a benchmark runs in processes of its own: put {kind.__name__} into a module to import")
    options = json.loads(json.dumps(made.model_dump(), default=str))
    return {"class": f"{kind.__module__}:{kind.__qualname__}", "options": options}


def deserialize(description: dict[str, Any]) -> Any:
    """The dataset or metric that `serialize` was given."""
    module, _, name = description["class"].partition(":")
    return getattr(importlib.import_module(module), name).model_validate(description["options"])
