"""Checks of options: enough for a host to draw a form, and safe to keep, send and repeat."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from sepkit.config import validate
from sepkit.errors import ConfigError, fault_of
from sepkit.testing.check import always, check, is_method
from sepkit.testing.outcome import CheckFailed, require
from sepkit.testing.statement_subject import StatementSubject
from sepkit.testing.subject import MethodSubject, Subject

_UNKNOWN = "option-that-nobody-has"
_JUNK: tuple[Any, ...] = ("nonsense", -1e300, 1e300, math.nan, None, [], {}, True, "", 10**30, ["a", 1], {"a": {}})
_LOWER = ("minimum", "exclusiveMinimum")
_UPPER = ("maximum", "exclusiveMaximum")


@check(when=is_method)
def defaults_validate(subject: MethodSubject) -> None:
    """Every option has a default, and all defaults together are allowed."""
    missing = [name for name, option in subject.model.model_fields.items() if option.is_required()]
    require(not missing, f"the options {', '.join(missing)} have no default; give every option one")
    subject.model()


@check(when=always)
def config_is_frozen(subject: Subject) -> None:
    """Options cannot be changed once they are set."""
    config = subject.config.model_copy()
    name = next(iter(type(config).model_fields), None)
    if name is None:
        require(config.model_config.get("frozen"), "the options are not frozen; keep frozen=True of sepkit.Config")
        return
    try:
        setattr(config, name, getattr(config, name))
    except (ValidationError, AttributeError, TypeError):
        return
    raise CheckFailed(f"option '{name}' can be set afterwards; keep frozen=True of sepkit.Config")


@check(when=always)
def config_forbids_unknown_options(subject: Subject) -> None:
    """An option that does not exist is an error, not silence."""
    given = {**_as_given(subject), _UNKNOWN: 1}
    try:
        subject.model.model_validate(given)
    except ValidationError:
        return
    raise CheckFailed("an option that does not exist is accepted; keep extra='forbid' of sepkit.Config")


@check(when=always)
def config_round_trips_through_json(subject: Subject) -> None:
    """Written as JSON and read again, options are the same."""
    config = subject.config
    text = config.model_dump_json()
    again = type(config).model_validate_json(text)
    require(again == config, f"options {config!r} come back from JSON as {again!r}; use types that JSON can carry")
    json.dumps(type(config).model_json_schema(), allow_nan=False)


@check(when=always)
def options_are_described(subject: Subject) -> None:
    """Every option says what it means."""
    bare = [
        f"{model.__name__}.{name}"
        for model in _models(type(subject.config))
        for name, option in model.model_fields.items()
        if not (option.description or "").strip()
    ]
    require(not bare, f"no description for {', '.join(bare)}; say what each means, with its unit")


@check(when=always)
def options_are_bounded(subject: Subject) -> None:
    """Every numeric option has a least or a greatest value."""
    schema = type(subject.config).model_json_schema()
    models = [schema, *(schema.get("$defs") or {}).values()]
    loose = [
        name
        for model in models
        for name, option in (model.get("properties") or {}).items()
        if any(_is_unbounded(node) for node in _numbers(option))
    ]
    require(not loose, f"no bounds for {', '.join(loose)}; give each Field ge, gt, le or lt")


@check(when=always)
def config_pickles(subject: Subject) -> None:
    """Options can be sent to another process."""
    config = subject.config
    require(pickle.loads(pickle.dumps(config)) == config, f"a pickled copy of {config!r} differs from it")


@check(when=always)
def bad_options_are_config_errors(subject: Subject) -> None:
    """Whatever nonsense an option is given, the error is sepkit's own."""
    given = _as_given(subject)
    for name in subject.model.model_fields:
        for junk in _JUNK:
            _require_config_error(subject, {**given, name: junk}, f"{name}={junk!r}")


def _require_config_error(subject: Subject, options: dict[str, Any], what: str) -> None:
    """Options are accepted, or refused with a `ConfigError` of one line."""
    try:
        validate(subject.model, options, f"{subject.kind} '{subject.name}'")
    except ConfigError as error:
        require("\n" not in str(error), f"{what}: the message has several lines; write one")
    except Exception as error:
        raise CheckFailed(f"{what} raises {fault_of(error)}; raise ValueError in validators") from error


def _as_given(subject: Subject) -> dict[str, Any]:
    """Options that are accepted."""
    if isinstance(subject, StatementSubject) and subject.instance is not None:
        return {name: getattr(subject.instance, name) for name in type(subject.instance).model_fields}
    return subject.example


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and those that its fields hold."""
    found: list[type[BaseModel]] = []
    waiting = [model]
    while waiting:
        one = waiting.pop(0)
        if one not in found:
            found.append(one)
            for option in one.model_fields.values():
                waiting += _models_in(option.annotation)
    yield from found


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models_in(inner)]


def _numbers(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts of an option's schema that stand for numbers; models of their own are looked at by themselves."""
    if node.get("type") in ("integer", "number"):
        yield node
    children = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("prefixItems", ())]
    children += [node[key] for key in ("items", "additionalProperties") if isinstance(node.get(key), dict)]
    for child in children:
        yield from _numbers(child)


def _is_unbounded(node: dict[str, Any]) -> bool:
    return not any(key in node for key in (*_LOWER, *_UPPER, "enum", "const"))
