"""Options of methods and trainings, from a file and from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sepkit.config import Typed, parse_json
from sepkit.errors import ConfigError, reason_of
from sepkit.files import read_regular

F = TypeVar("F", bound=Callable[..., Any])

_LARGEST = 1 << 20


parts_option = click.option(
    "--parts",
    default="track",
    show_default=True,
    help="What the parts of the score are: track, instrument, staff, drums; split=60 (left below that pitch, right "
    "above); or named by you, left=1,right=2+flute, with numbers in order of entry.",
)
"""What the parts of a score are, for every command that reads one."""

align_option = click.option(
    "--align",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    is_flag=False,
    flag_value="always",
    show_default=True,
    help="Move the notes to where the recording plays them: where that is clearly better, always, or never.",
)
"""Whether notes are moved, for every command that takes them for those of a recording."""


def option_settings(command: F) -> F:
    """Give a command ``--config FILE`` and ``--set KEY=VALUE``; `read_options` makes one mapping of both."""
    command = click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE", help="One option; may be repeated."
    )(command)
    return click.option("--config", "config_path", type=click.Path(path_type=Path), help="Options, as JSON.")(command)


def read_options(path: Path | None, settings: tuple[str, ...]) -> dict[str, Any]:
    """Options from a JSON file, overridden by ``key=value`` and ``group.key=value``.

    Raises
    ------
    ConfigError
    """
    config = {} if path is None else read_object(path, "options")
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set needs KEY=VALUE, given '{setting}'")
        *groups, last = key.strip().split(".")
        table = config
        for group in groups:
            table = table.setdefault(group, {})
            if not isinstance(table, dict):
                raise ConfigError(f"--set {key}: '{group}' is one value and holds no options")
        table[last] = Typed(value)
    return config


def read_object(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises
    ------
    ConfigError
        If it cannot be read, or holds anything else.
    """
    try:
        value = parse_json(read_regular(path, _LARGEST))
    except OSError as error:
        raise ConfigError(f"cannot read {what} from {path}: {error.strerror}; give a file of JSON") from error
    except ValueError as error:
        raise ConfigError(f"cannot read {what} from {path}, it is not JSON: {reason_of(error)}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} needs to hold one JSON object of {what}")
    return value
