"""Statistics of results: what the tables of the report show."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from sepkit.evaluation.benchmarking.results import Result

MOST_COLUMNS = 8
"""Names of sources for which there are columns; where tracks have more of them there are none."""

T = TypeVar("T")


@dataclass(frozen=True)
class Quality:
    """One figure of one entry.

    Attributes
    ----------
    low, median, high : float
        Quartiles over all sources of all tracks on which the figure is defined; NaN where there are none.
    by_source, by_track : dict of str to float
        Medians.
    values : tuple of float
        Those of which they are the quartiles.
    tracks : int
        Number of tracks.
    """

    low: float
    median: float
    high: float
    by_source: dict[str, float]
    by_track: dict[str, float]
    values: tuple[float, ...]

    @property
    def tracks(self) -> int:
        """Number of tracks."""
        return len(self.by_track)

    @classmethod
    def of(cls, results: Iterable[Result], figure: str) -> Quality:
        """Of the results of one entry."""
        defined = [
            (result.track, source, value)
            for result in results
            for source, value in result.figures.get(figure, {}).items()
            if not math.isnan(value)
        ]
        values = tuple(value for _, _, value in defined)
        return cls(
            low=quantile(values, 0.25),
            median=quantile(values, 0.5),
            high=quantile(values, 0.75),
            by_source=_medians((source, value) for _, source, value in defined),
            by_track=_medians((track, value) for track, _, value in defined),
            values=values,
        )


@dataclass(frozen=True)
class Cost:
    """What one entry takes.

    Attributes
    ----------
    real_time_factor : float
        Seconds of computing for a second of sound; the median over tracks.
    peak_memory_bytes, own_memory_bytes : float
        What the process held at most, and how much more than before it read the mixture; the largest over tracks.
    parameters : int
        Trained numbers in the method.
    """

    real_time_factor: float
    peak_memory_bytes: float
    own_memory_bytes: float
    parameters: int

    @classmethod
    def of(cls, results: Iterable[Result]) -> Cost:
        """Of the results of one entry."""
        done = [result for result in results if result.done]
        measured = [
            (result.peak_memory_bytes, result.peak_memory_bytes - result.bare_memory_bytes)
            for result in done
            if result.peak_memory_bytes is not None and result.bare_memory_bytes is not None
        ]
        return cls(
            quantile([result.real_time_factor for result in done], 0.5),
            max((peak for peak, _ in measured), default=math.nan),
            max((own for _, own in measured), default=math.nan),
            max((result.parameters for result in done), default=0),
        )


def quantile(values: Iterable[float], share: float) -> float:
    """The value below which a share of the values lies, linear between neighbours; infinite ones count like others.

    NaN when there are no values.
    """
    ordered = sorted(values)
    if not ordered:
        return math.nan
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    weight = place - below
    if weight == 0:
        return ordered[below]
    return (1 - weight) * ordered[below] + weight * ordered[below + 1]


def shared_sources(results: Iterable[Result]) -> tuple[str, ...]:
    """Names of all sources, if they are few enough for a column each."""
    names = dict.fromkeys(source for result in results for values in result.figures.values() for source in values)
    return tuple(names) if len(names) <= MOST_COLUMNS else ()


def by_entry(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Results of every entry."""
    grouped: dict[str, list[Result]] = {}
    for result in results:
        grouped.setdefault(result.entry, []).append(result)
    return grouped


Told = list[tuple[str, str, int, str]]
"""Entry, reason, number of tracks and one of them."""


def reasons(results: Iterable[Result], status: str) -> Told:
    """Every reason why results have a status, once."""
    return _told_once((result.entry, result.reason, result.track) for result in results if result.status == status)


def reasons_of_metrics(results: Iterable[Result]) -> Told:
    """Every reason why a metric has failed, once."""
    return _told_once(
        (result.entry, reason, result.track) for result in results for reason in result.failed_metrics.values()
    )


def _told_once(given: Iterable[tuple[str, str, str]]) -> Told:
    found = list(given)
    counts = Counter((entry, reason) for entry, reason, _ in found)
    first = {(entry, reason): track for entry, reason, track in reversed(found)}
    return [(entry, reason, count, first[entry, reason]) for (entry, reason), count in counts.items()]


def _medians(values: Iterable[tuple[T, float]]) -> dict[T, float]:
    grouped: dict[T, list[float]] = {}
    for name, value in values:
        grouped.setdefault(name, []).append(value)
    return {name: quantile(found, 0.5) for name, found in grouped.items()}
