"""The metrics of a measurement: which they are, what is recorded about them, and what happens when one fails."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import ConfigError, PluginError, SepkitError, UserError, fault_of
from sepkit.evaluation.declare import declared_metrics
from sepkit.evaluation.metric import Figure, Metric
from sepkit.evaluation.stems import Stems
from sepkit.plugin.registry import Registry
from sepkit.problem.run import Run


@dataclass(frozen=True)
class Chosen:
    """The metrics to measure with.

    Attributes
    ----------
    metrics : tuple of Metric
    failed : dict of str to str
        By name of a metric that cannot even be made, why: a fault of its plugin.
    """

    metrics: tuple[Metric, ...]
    failed: dict[str, str] = field(default_factory=dict)


def chosen_metrics(metrics: Iterable[Metric | str] | None, registry: Registry) -> Chosen:
    """The metrics to measure with: those given, or all that are installed.

    Raises
    ------
    UnknownNameError, ConfigError
        Also if two of them give the same figure.
    PluginError
        If none of them can be made.
    """
    if metrics is None:
        metrics = [name for name, spec in registry.metrics.items() if spec.available]
    if isinstance(metrics, (str, Metric)):
        raise ConfigError(f"metrics needs a list, given the one value {metrics!r}; write [{metrics!r}]")
    chosen: list[Metric] = []
    failed: dict[str, str] = {}
    for one in metrics:
        metric = _made(one, registry)
        if isinstance(metric, Metric):
            chosen.append(metric)
        else:
            failed[one.partition(":")[0] if isinstance(one, str) else type(one).__name__] = str(metric)
    if not chosen:
        if failed:
            raise PluginError("; ".join(failed.values()))
        raise ConfigError(f"metrics needs at least one; there are {', '.join(registry.metrics)}")
    givers: dict[str, str] = {}
    for metric in chosen:
        for figure in metric.figures:
            if figure.name in givers:
                both = f"'{givers[figure.name]}' and '{metric.name}'"
                raise ConfigError(f"the metrics {both} both give {figure.name}; measure with one of them at a time")
            givers[figure.name] = metric.name
    return Chosen(tuple(chosen), failed)


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


def attempted(
    metric: Metric, references: Stems, estimates: Stems, run: Run
) -> tuple[dict[str, NDArray[np.float64]], SepkitError | None]:
    """All figures of one metric, or NaN for each and why it failed.

    Returns
    -------
    values : dict of str to ndarray [shape=(sources,) or (sources, frames)]
    error : SepkitError or None

    Raises
    ------
    Cancelled
    """
    try:
        return _measured(metric, references, estimates, run), None
    except (PluginError, UserError) as error:
        return {figure.name: np.full(len(references.names), np.nan) for figure in metric.figures}, error


def _measured(metric: Metric, references: Stems, estimates: Stems, run: Run) -> dict[str, NDArray[np.float64]]:
    """All figures of one metric, if they are what it promises."""
    try:
        values = {name: np.asarray(rows) for name, rows in metric.measure(references, estimates, run).items()}
    except SepkitError:
        raise
    except (Exception, SystemExit) as error:
        reason = fault_of(error)
        raise PluginError(f"metric '{metric.name}' failed with {reason}") from error
    promised = [figure.name for figure in metric.figures]
    if set(values) != set(promised):
        raise PluginError(f"metric '{metric.name}' gave the figures {list(values)} where it promises {promised}")
    for name, rows in values.items():
        if rows.dtype.kind != "f" or rows.ndim not in (1, 2) or len(rows) != len(references.names):
            given = f"{rows.dtype} of shape {rows.shape}"
            wanted = f"numbers of shape ({len(references.names)},) or ({len(references.names)}, frames) are wanted"
            raise PluginError(f"metric '{metric.name}' gave {given} as {name} where {wanted}")
    return {name: values[name].astype(np.float64) for name in promised}


def _made(given: Metric | str, registry: Registry) -> Metric | PluginError:
    """A metric, or why its plugin could not make it."""
    try:
        [metric] = declared_metrics([given], registry)
        _require_figures(metric)
        return metric
    except PluginError as error:
        return error


def _require_figures(metric: Metric) -> None:
    figures = getattr(metric, "figures", None)
    if not isinstance(figures, tuple) or not figures or not all(isinstance(one, Figure) for one in figures):
        raise PluginError(f"metric '{metric.name}' needs a tuple of Figure as its figures, given {figures!r}")
