"""Options for a part of a recording."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Time(click.ParamType[float]):
    """A time in seconds, from ``70``, ``70.5``, ``1:10`` or ``1:02:03.5``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """In seconds."""
        if isinstance(value, float):
            return value
        try:
            numbers = [float(part) for part in str(value).split(":")]
        except ValueError:
            numbers = [math.nan]
        seconds = float(sum(number * 60.0**power for power, number in enumerate(reversed(numbers))))
        fits = all(0 <= number < 60 for number in numbers[1:]) and numbers[0] >= 0
        if not (fits and len(numbers) <= 3 and math.isfinite(seconds)):
            self.fail(f"a time is wanted, as 70, 1:10 or 1:02:03.5, given '{value}'", param, ctx)
        return seconds


def region_options(command: F) -> F:
    """Give a command ``--start``, ``--end`` and ``--keep-length``."""
    for option in (
        click.option("--keep-length", is_flag=True, help="Stems as long as the recording, silent outside the region."),
        click.option("--end", "end_s", type=Time(), help="Where the region to separate ends: seconds, or 1:42."),
        click.option(
            "--start",
            "start_s",
            type=Time(),
            default=0.0,
            help="Where the region to separate begins: seconds, or 1:10.",
        ),
    ):
        command = option(command)
    return command
