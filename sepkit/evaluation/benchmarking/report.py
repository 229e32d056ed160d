"""The report: ``report.md`` for reading anywhere, and ``report.html`` for listening and sorting."""

from __future__ import annotations

import base64
import hashlib
import math
import os
import platform
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sepkit.evaluation.benchmarking import formats
from sepkit.evaluation.benchmarking.entry import Entry, permutes, role
from sepkit.evaluation.benchmarking.listening import heard_tracks
from sepkit.evaluation.benchmarking.plots import RANGE_DB, TOP_HZ, box_plot_svg
from sepkit.evaluation.benchmarking.request import BenchmarkRequest
from sepkit.evaluation.benchmarking.results import Result
from sepkit.evaluation.benchmarking.summary import (
    Cost,
    Quality,
    by_entry,
    reasons,
    reasons_of_metrics,
    shared_sources,
)
from sepkit.files import atomic_path
from sepkit.plugin.registry import Registry
from sepkit.version import __version__

_ROUNDING_DB = 100
"""Ratios beyond this measure the rounding of samples and not the separation."""


@dataclass(frozen=True)
class Report:
    """What a benchmark has found.

    Attributes
    ----------
    folder : Path
    results : tuple of Result
        One for every entry on every track.
    remarks : tuple of str
        What else the user ought to know: metrics that could not be made, results that could not be read.
    """

    folder: Path
    results: tuple[Result, ...]
    remarks: tuple[str, ...] = ()

    @property
    def failed_metrics(self) -> dict[str, int]:
        """By reason why a metric has failed, the number of results that lack its figures."""
        return Counter(reason for result in self.results for reason in result.failed_metrics.values())

    @property
    def markdown(self) -> Path:
        """The tables."""
        return self.folder / "report.md"

    @property
    def html(self) -> Path:
        """The tables to sort, box plots, and excerpts to listen to; one file that needs no network."""
        return self.folder / "report.html"

    @property
    def failed(self) -> int:
        """Number of results that failed."""
        return sum(result.status == "failed" for result in self.results)


@dataclass(frozen=True)
class Row:
    """An entry in the tables.

    Attributes
    ----------
    entry : Entry
    role : str
        ``"baseline"``, ``"oracle"`` or nothing.
    permuted : bool
        Whether its stems were assigned to the references.
    results : list of Result
    """

    entry: Entry
    role: str
    permuted: bool
    results: list[Result]

    @property
    def name(self) -> str:
        """With what has to be known to compare it."""
        notes = [note for note in (self.role, "best assignment" if self.permuted else "") if note]
        return f"{self.entry.label} ({', '.join(notes)})" if notes else self.entry.label

    @property
    def cost(self) -> Cost:
        """What it takes."""
        return Cost.of(self.results)

    def quality(self, figure: str) -> Quality:
        """How good it is."""
        return Quality.of(self.results, figure)

    def count(self, status: str) -> int:
        """Number of tracks that ended so."""
        return sum(result.status == status for result in self.results)


def write_report(
    folder: Path,
    request: BenchmarkRequest,
    results: tuple[Result, ...],
    registry: Registry,
    workers: int,
    remarks: tuple[str, ...] = (),
) -> Report:
    """Write both files.

    Raises
    ------
    WriteError
    """
    report = Report(folder, results, remarks)
    content = _content(report, request, registry, workers)
    for path, template in ((report.markdown, "report.md.j2"), (report.html, "report.html.j2")):
        with atomic_path(path) as temporary:
            temporary.write_text(_rendered(template, content), encoding="utf-8", errors="backslashreplace")
    return report


def _content(report: Report, request: BenchmarkRequest, registry: Registry, workers: int) -> dict[str, Any]:
    grouped = by_entry(report.results)
    rows = [
        Row(entry, role(entry, registry), permutes(entry, registry), grouped[entry.label])
        for entry in request.entries
        if entry.label in grouped
    ]
    figures = [
        _figure(name, metric, rows, frozenset(entry.label for entry in request.asked))
        for metric in request.measures
        for name in metric["figures"]
    ]
    return {
        "rows": rows,
        "figures": figures,
        "sources": shared_sources(report.results),
        "tracks": list(dict.fromkeys(result.track for result in report.results)),
        "datasets": [source.text for source in request.sources],
        "split": request.split,
        "seed": request.seed,
        "failed": reasons(report.results, "failed"),
        "unfit": reasons(report.results, "unfit"),
        "failed_metrics": reasons_of_metrics(report.results),
        "remarks": report.remarks,
        "notes": list(dict.fromkeys((result.track, note) for result in report.results for note in result.notes)),
        "heard": heard_tracks(report.folder, report.results, figures[0]["qualities"][rows[0].entry.label]),
        "command": request.command(report.folder),
        "machine": _machine(workers),
        "top_khz": TOP_HZ // 1000,
        "range_db": RANGE_DB,
        "rounding_db": _ROUNDING_DB,
    }


def _figure(name: str, metric: dict[str, Any], rows: list[Row], emphasised: frozenset[str]) -> dict[str, Any]:
    qualities = {row.entry.label: row.quality(name) for row in rows}
    unit = metric["units"][name]
    title = f"{name} in {unit}" if unit else name
    return {
        "name": name,
        "title": title,
        "definition": metric["figures"][name],
        "metric": metric,
        "qualities": qualities,
        "most_tracks": max(quality.tracks for quality in qualities.values()),
        "plot": box_plot_svg(
            {label: _drawn(quality.values, unit) for label, quality in qualities.items()}, title, emphasised
        ),
    }


def _drawn(values: tuple[float, ...], unit: str) -> tuple[float, ...]:
    """Without those that would leave no room for the others."""
    return tuple(value for value in values if abs(value) <= (_ROUNDING_DB if unit == "dB" else math.inf))


def _machine(workers: int) -> dict[str, str]:
    return {
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "jobs": f"{workers} at a time, each with one thread",
        "versions": f"Python {platform.python_version()}, sepkit {__version__}, NumPy {np.__version__}",
    }


def _rendered(template: str, content: dict[str, Any]) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sepkit.evaluation.benchmarking"),
        autoescape=template.endswith("html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for word in ("number", "quartiles", "factor", "mebibytes", "cell"):
        environment.filters[word] = getattr(formats, word)
    script, style = (environment.get_template(name).render() for name in ("report.js", "report.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return environment.get_template(template).render(content, script=script, style=style, script_digest=digest)
