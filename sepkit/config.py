"""Options: frozen, validated, and described well enough that a host can draw a form from their JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sepkit.errors import ConfigError

C = TypeVar("C", bound="Config")


class Config(BaseModel):
    """Base of every configuration: immutable, and an option that does not exist is an error.

    Give every field a default, bounds and a description with its unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


def validate(model: type[C], options: Mapping[str, Any] | C | None, what: str) -> C:
    """An instance of `model` from options.

    Parameters
    ----------
    model : type
        A subclass of `Config`.
    options : mapping, instance of `model` or None
    what : str
        What is configured, for the message: ``"method 'nmf'"``.

    Raises
    ------
    ConfigError
        One line that names every wrong option, what was given and what was wanted.
    """
    if isinstance(options, model):
        return options
    if isinstance(options, BaseModel):
        raise ConfigError(f"{what} wants options of {model.__name__}, given {type(options).__name__}")
    if options is not None and not isinstance(options, Mapping):
        raise ConfigError(f"{what} wants options as a mapping, given {options!r}")
    try:
        return model.model_validate(dict(options or {}))
    except ValidationError as error:
        raise ConfigError(f"{what}: {'; '.join(_line(model, fault) for fault in error.errors())}") from error


def _line(model: type[Config], fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"]) or "the combination"
    if fault["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields) or "none"
        return f"no option '{name}'; the options are {known}"
    message = fault["msg"].removeprefix("Value error, ")
    given = "" if fault["loc"] == () or fault["type"] == "missing" else f" (given {fault['input']!r})"
    return f"{name}: {message[0].lower()}{message[1:]}{given}"
