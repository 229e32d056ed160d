"""Measuring estimates against the true stems."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import AudioError, ConfigError, PluginError, SepkitError
from sepkit.evaluation.declare import declared_metrics
from sepkit.evaluation.metric import Metric
from sepkit.evaluation.metrics.blocks import decibels, energies, paired_blocks
from sepkit.evaluation.stems import Stems, stem_files
from sepkit.music.audio import Audio
from sepkit.plugin.registry import Registry
from sepkit.solving.run import Cancel, Reporter, Run

Pathlike = str | os.PathLike[str]
Signals = Mapping[str, Audio | Pathlike] | Pathlike

_PERFECT = 1e-40
"""A share of the reference's energy that no error reaches: 400 dB stand for infinity where ratios are added."""


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
    """

    sources: tuple[str, ...]
    values: dict[str, dict[str, float]]
    frames: dict[str, NDArray[np.float64]]
    assignment: dict[str, str]
    metrics: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]

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
        left out, or with such files in ``stems/``. Rates and numbers of channels need to be equal. Up to a second of
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
        If a metric fails, or gives other figures than it says.
    Cancelled

    Examples
    --------
    >>> evaluation = sepkit.evaluation.evaluate(separation, "true-stems")  # doctest: +SKIP
    >>> evaluation.values["SI-SDR"]["voice"]  # doctest: +SKIP
    9.3
    """
    chosen = chosen_metrics(metrics, registry or Registry.discover())
    truth, guesses = _by_name(references, "references"), _by_name(estimates, "estimates")
    with Run(reporter=reporter, cancel=cancel) as run:
        assignment = _assigned_by_sound(truth, guesses, run) if permute else _assigned_by_name(truth, guesses)
        left_out = [name for name in guesses if name not in assignment.values()]
        fitting = {name: guesses[estimate] for name, estimate in assignment.items()}
        with _side_by_side(truth, fitting) as (true_stems, estimated):
            notes = [f"estimate {name}: left out, no reference is measured with it" for name in left_out]
            notes += [*_fitted("reference", true_stems), *_fitted("estimate", estimated)]
            measured = [_measured(metric, true_stems, estimated, run) for metric in chosen]
    figures = {name: values for of_one in measured for name, values in of_one.items()}
    return Evaluation(
        sources=tuple(truth),
        values={
            name: {source: median_of_numbers(row) for source, row in zip(truth, values, strict=True)}
            for name, values in figures.items()
        },
        frames={name: values for name, values in figures.items() if values.ndim == 2},
        assignment=assignment,
        metrics=tuple(map(describe, chosen)),
        notes=tuple(notes),
    )


def describe(metric: Metric) -> dict[str, Any]:
    """What has to be known about a metric to repeat it.

    Returns
    -------
    description : dict
        ``name``, ``options``, ``library`` and its ``version``, ``figures`` with the definition and ``units`` with the
        unit of each.
    """
    try:
        version = importlib.metadata.version(metric.library)
    except importlib.metadata.PackageNotFoundError:
        # Programs that are frozen often come without what importlib looks for.
        version = None
    return {
        "name": metric.name,
        "options": metric.model_dump(mode="json"),
        "library": metric.library,
        "version": version,
        "figures": {figure.name: figure.definition for figure in metric.figures},
        "units": {figure.name: figure.unit for figure in metric.figures},
    }


def median_of_numbers(values: NDArray[np.floating]) -> float:
    """Median of those that are not NaN; NaN if all are."""
    numbers = values[~np.isnan(values)]
    with np.errstate(invalid="ignore"):
        return float(np.median(numbers)) if numbers.size else math.nan


def chosen_metrics(metrics: Iterable[Metric | str] | None, registry: Registry) -> tuple[Metric, ...]:
    """The metrics to measure with: those given, or all that are installed.

    Raises
    ------
    UnknownNameError, ConfigError
        Also if two of them give the same figure.
    """
    if metrics is None:
        metrics = [name for name, spec in registry.metrics.items() if spec.available]
    chosen = declared_metrics(metrics, registry)
    if not chosen:
        raise ConfigError(f"metrics needs at least one; there are {', '.join(registry.metrics)}")
    givers: dict[str, str] = {}
    for metric in chosen:
        for figure in metric.figures:
            if figure.name in givers:
                both = f"'{givers[figure.name]}' and '{metric.name}'"
                raise ConfigError(f"the metrics {both} both give {figure.name}; measure with one of them at a time")
            givers[figure.name] = metric.name
    return chosen


def _by_name(signals: Signals, what: str) -> dict[str, Audio | Path]:
    if isinstance(signals, (str, os.PathLike)):
        return dict(stem_files(Path(signals)))
    if not isinstance(signals, Mapping) or not signals:
        raise ConfigError(f"{what} need a folder or signals by name, at least one; given {signals!r}")
    named: dict[str, Audio | Path] = {}
    for name, signal in signals.items():
        if not isinstance(signal, (Audio, str, os.PathLike)):
            raise ConfigError(f"{what}: '{name}' needs to be Audio or a path, given {type(signal).__name__}")
        named[name] = signal if isinstance(signal, Audio) else Path(signal)
    return named


def _assigned_by_name(truth: Mapping[str, Audio | Path], guesses: Mapping[str, Audio | Path]) -> dict[str, str]:
    missing = [name for name in truth if name not in guesses]
    if missing:
        remedy = "name them like the references, or permute"
        raise AudioError(f"no estimate of {', '.join(missing)}; the estimates are {', '.join(guesses)}: {remedy}")
    return {name: name for name in truth}


def _assigned_by_sound(
    truth: Mapping[str, Audio | Path], guesses: Mapping[str, Audio | Path], run: Run
) -> dict[str, str]:
    """The assignment of the highest mean plain SDR."""
    from scipy.optimize import linear_sum_assignment

    if len(guesses) == len(truth) == 1:
        # Nothing to choose, and what is a pipe can be read only once.
        return dict(zip(truth, guesses, strict=True))
    if len(guesses) < len(truth):
        given = f"{len(truth)} references ({', '.join(truth)}) and {len(guesses)} estimates ({', '.join(guesses)})"
        raise AudioError(f"every reference needs an estimate of its own, given {given}; add estimates")
    signal, error = np.zeros((len(truth), 1)), np.zeros((len(truth), len(guesses)))
    with _side_by_side(truth, guesses) as (references, estimates):
        for stems, candidates in paired_blocks(references, estimates, run, "assign estimates"):
            signal[:, 0] += energies(stems)
            for row, stem in zip(error, stems, strict=True):
                row += energies(candidates - stem)
    sdr = np.where(signal > 0, decibels(signal, np.maximum(error, _PERFECT * signal)), 0)
    names = tuple(guesses)
    return {
        name: names[column] for name, column in zip(truth, linear_sum_assignment(sdr, maximize=True)[1], strict=True)
    }


@contextmanager
def _side_by_side(
    truth: Mapping[str, Audio | Path], guesses: Mapping[str, Audio | Path]
) -> Iterator[tuple[Stems, Stems]]:
    """Open both, the estimates cut or continued with zeros to the length of the references."""
    with Stems(truth) as references, Stems(guesses, references.length) as estimates:
        given, wanted = ((stems.sample_rate, stems.channels) for stems in (estimates, references))
        if given != wanted:
            both = (
                f"the estimates have {given[1]} channel(s) at {given[0]} Hz, the references {wanted[1]} at {wanted[0]}"
            )
            raise AudioError(f"{both} Hz; resample or mix down the ones or the others")
        yield references, estimates


def _fitted(what: str, stems: Stems) -> Iterator[str]:
    """Notes on what cutting and continuing has done.

    Raises
    ------
    AudioError
        If it was more than a second.
    """
    for name, length in stems.lengths.items():
        added = stems.length - length
        if abs(added) > stems.sample_rate:
            lasts = f"{what} '{name}' lasts {length / stems.sample_rate:.2f} s"
            raise AudioError(f"{lasts} where {stems.length / stems.sample_rate:.2f} s are wanted; align it and cut it")
        if added:
            done = "zeros appended" if added > 0 else "samples at the end left out"
            yield f"{what} {name}: {abs(added)} {done}"


def _measured(metric: Metric, references: Stems, estimates: Stems, run: Run) -> dict[str, NDArray[np.float64]]:
    """All figures of one metric, if they are what it promises."""
    try:
        values = {name: np.asarray(rows) for name, rows in metric.measure(references, estimates, run).items()}
    except SepkitError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"metric '{metric.name}' failed with {type(error).__name__}: {error}") from error
    promised = [figure.name for figure in metric.figures]
    if set(values) != set(promised):
        raise PluginError(f"metric '{metric.name}' gave the figures {list(values)} where it promises {promised}")
    for name, rows in values.items():
        if rows.dtype.kind != "f" or rows.ndim not in (1, 2) or len(rows) != len(references.names):
            given = f"{rows.dtype} of shape {rows.shape}"
            wanted = f"numbers of shape ({len(references.names)},) or ({len(references.names)}, frames) are wanted"
            raise PluginError(f"metric '{metric.name}' gave {given} as {name} where {wanted}")
    return {name: values[name].astype(np.float64) for name in promised}


def _strict(value: Any) -> Any:
    """`value` with what JSON knows in place of numbers that are not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    return value
