"""Options: frozen, validated, and described well enough that a host can draw a form from their JSON Schema."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sepkit.errors import ConfigError

C = TypeVar("C", bound="Config")

_DEEPEST = 50
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 60


UNITS = {"s": "s", "ms": "ms", "hz": "Hz", "db": "dB", "cents": "cents", "octaves": "octaves", "frames": "frames"}
"""By the last word of an option's name."""


def unit_of(option: str) -> str:
    """The unit that an option's name ends with: ``"s"`` for ``window_s``; empty where there is none."""
    words = option.split("_")
    return UNITS.get(words[-1], "") if len(words) > 1 else ""


def titled(option: str) -> str:
    """An option as people say it, with its unit: ``"Window (s)"`` for ``window_s``."""
    unit = unit_of(option)
    words = option.split("_")[: -1 if unit else None]
    title = " ".join(words)
    return f"{title[:1].upper()}{title[1:]} ({unit})" if unit else f"{title[:1].upper()}{title[1:]}"


class Config(BaseModel):
    """Base of every configuration: immutable, and an option that does not exist is an error.

    Give every field a default, bounds and a description with its unit; with a name like ``window_s`` its title in JSON
    Schema has the unit too.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        field_title_generator=lambda name, _: titled(name),
    )


class Typed(str):
    """A value of an option as typed at a terminal: JSON where the option's type takes that, else the text itself."""

    @property
    def value(self) -> Any:
        """What it is as JSON; the text where it is none."""
        try:
            return parse_json(self)
        except ValueError:
            return str(self)


def parse_json(text: str | bytes) -> Any:
    """The value that JSON stands for.

    Raises
    ------
    ValueError
        If it is no JSON, names a key twice, or is nested more deeply than any options are.
    """
    try:
        value = json.loads(text, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise ValueError(f"it is nested more than {_DEEPEST} levels deep") from error
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
        inside = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = [item for items in inside for item in items]
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it gives {_shown.repr(twice)} twice")
    return table


def validate(model: type[C], options: Mapping[str, Any] | C | None, what: str) -> C:
    """An instance of `model` from options.

    Parameters
    ----------
    model : type
        A subclass of `Config`.
    options : mapping, instance of `model` or None
        Values that are `Typed` are taken as the type of their option wants them.
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
        raise ConfigError(f"{what} wants options as a mapping, given {_given(options)}")
    given = dict(options or {})
    try:
        return _validated(model, given)
    except ValidationError as error:
        raise ConfigError(f"{what}: {'; '.join(_line(model, fault) for fault in error.errors())}") from error
    except RecursionError as error:
        raise ConfigError(f"{what} wants options that are not nested so deeply") from error


def _validated(model: type[C], options: dict[str, Any]) -> C:
    meant = _meant(options, (), frozenset())
    try:
        return model.model_validate(meant)
    except ValidationError as error:
        # What the type does not take as JSON it may take as text: a folder that is called 2024, say.
        faults = frozenset(fault["loc"] for fault in error.errors())
        try:
            return model.model_validate(_meant(options, (), faults))
        except ValidationError as again:
            helped = faults - {fault["loc"] for fault in again.errors()}
            # Where it does not help the fault of the JSON is the one to tell.
            return model.model_validate(_meant(options, (), helped))


def _meant(value: Any, at: tuple[Any, ...], faults: frozenset[tuple[Any, ...]]) -> Any:
    """Options with JSON in place of what was typed, or its text where that is at fault."""
    if isinstance(value, Typed):
        return str(value) if any(fault[: len(at)] == at for fault in faults) else value.value
    if isinstance(value, dict):
        return {key: _meant(item, (*at, key), faults) for key, item in value.items()}
    return value


def _line(model: type[Config], fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"]) or "the combination"
    if fault["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields) or "none"
        return f"no option '{name}'; the options are {known}"
    message = fault["msg"].removeprefix("Value error, ")
    given = "" if fault["loc"] == () or fault["type"] == "missing" else f" (given {_given(fault['input'])})"
    return f"{name}: {message[0].lower()}{message[1:]}{given}"


def _given(value: Any) -> str:
    try:
        return _shown.repr(value)
    except Exception:
        return f"a value of type {type(value).__name__}"
