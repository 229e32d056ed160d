"""Measuring estimates against the true stems."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import PluginError, SepkitError, UserError, reason_of
from sepkit.evaluation.measuring import attempted, chosen_metrics, describe
from sepkit.evaluation.metric import Metric
from sepkit.evaluation.pairing import (
    Signals,
    assigned_by_name,
    assigned_by_sound,
    fitted,
    left_out,
    side_by_side,
    signals_by_name,
)
from sepkit.plugin.registry import Registry
from sepkit.problem.run import Cancel, Reporter, Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """How good estimates are.

    Attributes
    ----------
    sources : tuple of str
        Names of the references.
    values : dict of str to dict of str to float
        By figure, then by source. Of a framewise figure it is the median over the frames that are numbers; NaN where
        the figure is not defined.
    frames : dict of str to ndarray [shape=(sources, frames)]
        By figure, the framewise ones only.
    assignment : dict of str to str
        By reference, the estimate that it was measured with.
    metrics : tuple of dict
        As `describe` gives them.
    notes : tuple of str
        What was done to fit estimates to references.
    failed : dict of str to str
        By name of a metric that failed, why; its figures are NaN.
    """

    sources: tuple[str, ...]
    values: dict[str, dict[str, float]]
    frames: dict[str, NDArray[np.float64]]
    assignment: dict[str, str]
    metrics: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    failed: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As plain types, ready for strict JSON: NaN is None, and the infinities are ``"inf"`` and ``"-inf"``."""
        frames = {figure: dict(zip(self.sources, rows.tolist(), strict=True)) for figure, rows in self.frames.items()}
        plain: dict[str, Any] = _strict({**vars(self), "frames": frames})
        return plain

    def to_csv(self) -> str:
        """As comma-separated values: ``source,estimate,figure,value,unit``, one line a value; NaN is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["source", "estimate", "figure", "value", "unit"])
        units = {figure: unit for metric in self.metrics for figure, unit in metric["units"].items()}
        for source in self.sources:
            for figure, values in self.values.items():
                value = "" if math.isnan(values[source]) else repr(values[source])
                writer.writerow([source, self.assignment[source], figure, value, units[figure]])
        return text.getvalue()


def evaluate(
    estimates: Signals,
    references: Signals,
    *,
    metrics: Iterable[Metric | str] | None = None,
    permute: bool = False,
    registry: Registry | None = None,
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
) -> Evaluation:
    """Measure estimates against references, reading both block by block.

    Parameters
    ----------
    estimates, references : mapping of str to Audio or path, or path
        By source name, as a `Separation` is; or a folder with a file of audio for each, from which ``mixture.*`` is
        left out, or with such files in ``stems/``. Where the folder holds a ``separation.json``, that tells which file
        is which stem. Rates and numbers of channels need to be equal. Up to a second of
        difference in length is made up for at the end, with zeros or by cutting, and noted.
    metrics : iterable, optional
        Objects, or strings like ``"bss-eval:window_s=2"``; by default all that are published and installed.
    permute : bool
        Do not go by the names of the estimates, but assign them to the references so that the mean plain SDR is
        highest; silent references do not count.
    registry : Registry, optional
        By default one with all installed plugins.
    reporter : callable, optional
        Gets a `Progress` at every step.
    cancel : optional
        Anything with ``is_set()``, such as a `threading.Event`.

    Returns
    -------
    evaluation : Evaluation

    Raises
    ------
    AudioError
        If a signal cannot be read, a reference has no estimate, or they do not fit each other.
    ConfigError, UnknownNameError
        If a metric cannot be made, or two give the same figure.
    PluginError
        If every metric fails, or gives other figures than it says; one that does costs the others nothing.
    Cancelled

    Examples
    --------
    >>> evaluation = sepkit.evaluation.evaluate(separation, "true-stems")  # doctest: +SKIP
    >>> evaluation.values["SI-SDR"]["voice"]  # doctest: +SKIP
    9.3
    """
    chosen = chosen_metrics(metrics, registry or Registry.discover())
    truth, guesses = signals_by_name(references, "references"), signals_by_name(estimates, "estimates")
    figures: dict[str, NDArray[np.float64]] = {}
    failed = dict(chosen.failed)
    errors: list[SepkitError] = []
    with Run(reporter=reporter, cancel=cancel) as run:
        assignment = assigned_by_sound(truth, guesses, run) if permute else assigned_by_name(truth, guesses)
        fitting = {name: guesses[estimate] for name, estimate in assignment.items()}
        with side_by_side(truth, fitting) as (true_stems, estimated):
            notes = [*left_out(references, truth), *left_out(estimates, guesses, assignment.values())]
            notes += [*fitted("reference", true_stems), *fitted("estimate", estimated)]
            for metric in chosen.metrics:
                values, error = attempted(metric, true_stems, estimated, run)
                figures |= values
                if error is not None:
                    errors.append(error)
                    failed[metric.name] = reason_of(error)
    if len(errors) == len(chosen.metrics):
        # What is wrong with the signals is the same for every metric.
        raise errors[0] if isinstance(errors[0], UserError) else PluginError("; ".join(failed.values()))
    return Evaluation(
        sources=tuple(truth),
        values={
            name: {source: median_of_numbers(row) for source, row in zip(truth, values, strict=True)}
            for name, values in figures.items()
        },
        frames={name: values for name, values in figures.items() if values.ndim == 2},
        assignment=assignment,
        metrics=tuple(map(describe, chosen.metrics)),
        notes=tuple(notes),
        failed=failed,
    )


def median_of_numbers(values: NDArray[np.floating]) -> float:
    """Median of those that are not NaN; NaN if all are."""
    numbers = values[~np.isnan(values)]
    with np.errstate(invalid="ignore"):
        return float(np.median(numbers)) if numbers.size else math.nan


def _strict(value: Any) -> Any:
    """`value` with what JSON knows in place of numbers that are not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    return value
