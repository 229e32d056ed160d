"""Metrics: how good estimates of known stems are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sepkit.config import Config
from sepkit.evaluation.stems import Stems
from sepkit.problem.run import Run
from sepkit.problem.statement import published_name


@dataclass(frozen=True)
class Figure:
    """One number that a metric gives for every source; higher is better.

    Attributes
    ----------
    name : str
        As the field writes it: ``"SI-SDR"``. No two metrics share one.
    definition : str
        Exactly what is computed, in one line.
    unit : str
    """

    name: str
    definition: str
    unit: str = "dB"


class Metric(Config):
    """Base of every metric. Its fields are its options.

    A subclass names its figures and measures them, reading the stems block by block so that memory stays bounded.

    Examples
    --------
    >>> import numpy as np
    >>> from sepkit.evaluation import Figure, Metric
    >>> class PeakError(Metric):
    ...     figures = (Figure("peak error", "largest absolute error", unit=""),)
    ...
    ...     def measure(self, references, estimates, run):
    ...         peak = np.zeros(len(references.names))
    ...         for truth, guess in zip(references.blocks(1 << 16), estimates.blocks(1 << 16)):
    ...             peak = np.maximum(peak, np.abs(truth - guess).max(axis=(1, 2)))
    ...         return {"peak error": peak}
    """

    figures: ClassVar[tuple[Figure, ...]]
    library: ClassVar[str] = "sepkit"
    """Distribution that computes it; its version is reported with every figure."""

    @property
    def name(self) -> str:
        """The class name in kebab-case, as it is published."""
        return published_name(type(self).__name__)

    @abstractmethod
    def measure(self, references: Stems, estimates: Stems, run: Run) -> Mapping[str, NDArray[np.floating]]:
        """Measure all figures of all sources.

        Parameters
        ----------
        references, estimates : Stems
            Of the same names, length, rate and channels, the estimates in the order of the references.
        run : Run
            Loop over ``run.steps(total, stage)`` for progress and cancellation.

        Returns
        -------
        values : mapping of str to ndarray [shape=(sources,) or (sources, frames)]
            By name of the figure; with frames, the median over those that are numbers is the figure. NaN where the
            figure is not defined, as for a silent reference.
        """
