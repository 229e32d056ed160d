"""Numbers and untrusted words as the report writes them."""

from __future__ import annotations

import math
import re

from sepkit.evaluation.benchmarking.summary import Quality

NOTHING = "–"


def number(value: float | None, digits: int = 2) -> str:
    """With some digits after the point; a dash where there is no number."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    written = f"{value:.{digits}f}"
    return written.lstrip("-") if float(written) == 0 else written


def quartiles(quality: Quality) -> str:
    """From the lower to the upper; a dash where there are none."""
    return f"{number(quality.low)} to {number(quality.high)}" if quality.values else NOTHING


def factor(value: float) -> str:
    """With three significant digits."""
    return NOTHING if math.isnan(value) else f"{value:.3g}"


def mebibytes(value: float) -> str:
    """Bytes in MiB."""
    return NOTHING if math.isnan(value) else f"{value / 2**20:.0f}"


def cell(text: str) -> str:
    """Text within a table of Markdown, where none of its characters does anything."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", " ".join(text.split()))
