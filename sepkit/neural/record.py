"""The record of a checkpoint, ``model.json``, as it may be."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

FORMAT = 1
MOST_BYTES = 1 << 24
_MOST_NESTED = 32
_HIGHEST_HZ = 768_000


def _name(given: Any) -> str:
    # Not pydantic's own string: names that come from files need not be text that can be encoded.
    if not isinstance(given, str) or not given.strip():
        raise ValueError("a name of a source needs to be text that is not empty")
    return given


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("the names of the sources need to be distinct")
    return names


class Record(BaseModel):
    """What ``model.json`` holds beside its digest, which is over all of it and the tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    method: str
    config: dict[Any, Any]
    sources: Annotated[
        tuple[Annotated[Any, AfterValidator(_name)], ...],
        Field(min_length=1, max_length=1000),
        AfterValidator(_distinct),
    ]
    sample_rate: int = Field(strict=True, ge=1, le=_HIGHEST_HZ)
    about: dict[Any, Any]


def parsed(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`.

    Raises
    ------
    ValueError, RecursionError
        If it is none, or is nested too deeply.
    """
    record = json.loads(data)
    if not isinstance(record, dict):
        raise ValueError("it holds no JSON object")
    level: list[Any] = [record]
    for _ in range(_MOST_NESTED):
        level = [child for value in level for child in _children(value)]
    if level:
        raise ValueError(f"it is nested more than {_MOST_NESTED} deep")
    return record


def first_fault(error: ValidationError) -> str:
    """The first of the faults, in one short line."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, fault["loc"]))[:80] or "the combination"
    message = " ".join(fault["msg"].removeprefix("Value error, ").split())
    return f"{place}: {message[0].lower()}{message[1:160]}"


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
