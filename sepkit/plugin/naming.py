"""How specs write names and the places of what they publish: kebab-case and import strings."""

from __future__ import annotations

import importlib
import re
from typing import Any

from sepkit.errors import PluginError, fault_of
from sepkit.plugin.stdout import kept_from_stdout

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_IMPORT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def require_name(label: str, name: str) -> None:
    """Raise `PluginError` unless `name` is written in kebab-case."""
    if not _NAME.fullmatch(name):
        raise PluginError(f"{label}: a name is written in kebab-case, as in 'score-nmf'")


def require_import_string(label: str, field_name: str, value: str, what: str = "Class") -> None:
    """Raise `PluginError` unless `value` has the form ``package.module:Class``."""
    if not _IMPORT.fullmatch(value):
        raise PluginError(f"{label}: {field_name} needs to be 'package.module:{what}', given {value!r}")


def import_object(label: str, import_string: str) -> Any:
    """What an import string names.

    Raises
    ------
    PluginError
        If it cannot be imported, whatever the reason.
    """
    module, _, attribute = import_string.partition(":")
    try:
        with kept_from_stdout():
            return getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:
        reason = fault_of(error)
        raise PluginError(f"{label} cannot load {import_string}: {reason}") from error
