"""``sepkit run --from RECORD``: what is asked otherwise beside it, and whether the same came out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sepkit.errors import SideInformationError
from sepkit.music.origin import Origin
from sepkit.repeating.record import Record

_OPTIONS = {
    "sources": ("sources",),
    "f0": ("f0_paths",),
    "references": ("references",),
    "labels": ("label_paths",),
    "priors": ("priors",),
    "constraints": ("constraints",),
    "weights": ("weights",),
    "examples": ("examples",),
    "align": ("align",),
    "seed": ("seed",),
    "device": ("device",),
    "config": ("config_path", "settings"),
    "only": ("only",),
    "without": ("without",),
    "gains_db": ("gains",),
    "variables": ("variables",),
    "score": ("write_score",),
    "picture": ("picture",),
    "format": ("format",),
    "subtype": ("subtype", "format"),
    "too_loud": ("too_loud",),
    "start_s": ("start_s",),
    "end_s": ("end_s",),
    "keep_length": ("keep_length",),
}
"""The options that give each."""


def given_beside(ctx: click.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some values whose options were given on the command line."""
    return {name: value for name, value in values.items() if any(_is_given(ctx, one) for one in _OPTIONS[name])}


def score_beside(ctx: click.Context, told: Record, path: Path | None, parts: str) -> dict[str, Any]:
    """The score and the rule for its parts, if one of them is asked otherwise than the record has it.

    Raises
    ------
    SideInformationError
        If there is no score.
    """
    changed: dict[str, Any] = {} if path is None else {"path": Path(os.path.abspath(path))}
    if _is_given(ctx, "parts"):
        changed["parts"] = parts
    if not changed:
        return {}
    if path is None and told.score is None:
        raise SideInformationError("the record has no score; give one with --score")
    return {"score": replace(told.score or Origin(), **changed)}


def differing(told: Record, now: Record) -> tuple[str, ...]:
    """What to know when files came out other than they were."""
    others = [name for name, digest in told.digests.items() if now.digests.get(name) != digest]
    if not others:
        return ()
    return (f"what came out differs from what the record lists: {', '.join(others[:3])}{' ...' * (len(others) > 3)}",)


def _is_given(ctx: click.Context, option: str) -> bool:
    return ctx.get_parameter_source(option) is not click.core.ParameterSource.DEFAULT
