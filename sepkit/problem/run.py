"""How one run talks to its host: progress, cancellation, random numbers, device."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import Cancelled, ConfigError, SepkitError, fault_of
from sepkit.music.audio import Audio
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.variables import Variables


@dataclass(frozen=True)
class Progress:
    """One report of progress.

    Attributes
    ----------
    stage : str
        What is being done, for people.
    done, total : int
        Steps of this stage.
    figures : mapping of str to float
        How it goes, such as ``{"loss": 0.3, "validation": 0.4}``, for stages that tell.
    """

    stage: str
    done: int
    total: int
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def fraction(self) -> float:
        """From 0 to 1, never falling within a stage; those of separations within a run begin again with each."""
        return self.done / self.total if self.total else 1.0

    def as_dict(self) -> dict[str, Any]:
        """As JSON can have it, which knows finite numbers only: others are None."""
        figures = {name: value if math.isfinite(value) else None for name, value in self.figures.items()}
        return {"stage": self.stage, "done": self.done, "total": self.total, "figures": figures}


Reporter = Callable[[Progress], None]
_FIGURES = re.compile(r"\d+\.\d+|\d+(?= ?(?:%|s\b|Hz\b|dB\b|notes\b))")
"""Other numbers may be names: violin 1 and violin 2."""


class Cancel(Protocol):
    """What says whether the host wants to stop; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """True from when the host wants to stop."""
        ...


class Writable(Protocol):
    """What can be written into a folder; a `sepkit.neural.Checkpoint` is one."""

    def write(self, folder: Path) -> None:
        """Write all of it into `folder`, which is there."""


class Run:
    """What a separator gets beside the problem.

    Its host works within ``with run:``, which ends the reports: a loop that an exception left is not done.

    Parameters
    ----------
    seed : int
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` ...; NumPy methods ignore it.
    reporter : callable, optional
        Gets a `Progress` at every step, on the thread of the run.
    cancel : Cancel, optional
        Asked at every step.
    keep_variables : bool
        Whether the host wants to look at what `keep` gets.
    registry : Registry, optional
        The plugins that the host knows; by default those that are installed.

    Attributes
    ----------
    seed, device, cancel, registry
        As given.
    rng : numpy.random.Generator
        The only source of randomness: equal seeds give equal results.
    traces : dict of str to list of float
        Curves for the provenance, such as the cost over iterations.
    violations : dict of str to float
        Final violation of every hosted constraint.
    remarks : list of str
        What the user ought to know about the result.
    identified : set of str
        Sources that are what their names say.
    uncertainty : dict of str to Audio
        How sure the method is of its stems, by source name; empty for most methods.
    variables : Variables or None
        Those of the method, if it keeps any and its host wants them.
    learned : Writable or None
        Weights that the method learned from the mixture, if it did.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        device: str = "auto",
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        keep_variables: bool = False,
        registry: Any = None,
    ) -> None:
        self.seed, self.device, self.cancel, self.registry = seed, device, cancel, registry
        self.rng = np.random.default_rng(seed)
        self.traces: dict[str, list[float]] = {}
        self.violations: dict[str, float] = {}
        self.remarks: list[str] = []
        self.identified: set[str] = set()
        self.uncertainty: dict[str, Audio] = {}
        self.variables: Variables | None = None
        self.learned: Writable | None = None
        self._keep_variables = keep_variables
        self._reporter = reporter
        self._left_early: Progress | None = None
        self._figures: dict[str, float] = {}

    def steps(self, total: int, stage: str) -> Iterator[int]:
        """Count to `total`, with progress and cancellation at every step.

        Leaving the loop early with ``break`` counts as done: an iteration that converged has nothing left to do. It is
        reported as soon as the run goes on.

        Parameters
        ----------
        total : int
        stage : str
            What is being done, for people; every loop of a run has another, or its progress would seem to fall back.

        Yields
        ------
        step : int
            From 0 to ``total - 1``.

        Raises
        ------
        Cancelled
            Within one step after the host asked for it.
        """
        self.check_cancelled()
        self._figures = {}
        self._report(stage, 0, total)
        try:
            for step in range(total):
                yield step
                large.release()
                self.check_cancelled()
                self._report(stage, step + 1, total)
        except GeneratorExit:
            # Was it a break or an exception that left the loop? When the run goes on it was a break.
            self._left_early = Progress(stage, total, total)
            raise

    def check_cancelled(self) -> None:
        """Stop here if the host asked for it; `steps` does this at every step.

        Raises
        ------
        Cancelled
        """
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("the run was cancelled")

    def reporter_within(self, name: str) -> Reporter:
        """What shows the progress of a part of this run that is a run itself, with `name` before its stages."""
        return lambda progress: self._tell(replace(progress, stage=f"{name}: {progress.stage}"))

    def remark_within(self, name: str, texts: Iterable[str]) -> None:
        """Pass on what such a part remarked; of remarks that differ in their figures alone, the first."""
        told = {_FIGURES.sub("", remark) for remark in self.remarks}
        for text in texts:
            remark = f"{name}: {text}"
            but_for_figures = _FIGURES.sub("", remark)
            if but_for_figures not in told:
                self.remark(remark)
                told.add(but_for_figures)

    def trace(self, name: str, values: Iterable[float]) -> None:
        """Keep a curve for the provenance."""
        self.traces[name] = [float(value) for value in values]

    def show(self, **figures: float) -> None:
        """Show figures with the progress of this stage from now on, such as ``loss=0.3``."""
        self._figures = {**self._figures, **{name: float(figure) for name, figure in figures.items()}}

    def remark(self, text: str) -> None:
        """Tell the user something about this result in one line, once: what was left out, what could not be used."""
        if text not in self.remarks:
            self.remarks.append(text)

    def identify(self, sources: Iterable[str]) -> None:
        """Say which sources are what their names say, because the method was told of them by more than their names.

        Only methods with the trait ``arbitrary-names`` need to: of others it is taken for granted.
        """
        self.identified.update(sources)

    def keep(self, layout: Layout, values: Mapping[Domain, NDArray[np.floating]]) -> None:
        """Let the host look at final values of the method's own variables; it keeps them only if it asked for them.

        Parameters
        ----------
        layout : Layout
            Their axes.
        values : mapping of Domain to ndarray
            Such as ``{Domain.TEMPLATES: W, Domain.ACTIVATIONS: H}``, of the shapes in `Domain`.
        """
        variables = Variables(layout, dict(values))
        if self._keep_variables:
            self.variables = variables

    def keep_learned(self, weights: Writable) -> None:
        """Keep weights that were learned from the mixture itself: they are written with the stems.

        The folder of the result then serves as weights for other recordings of the same sources.
        """
        self.learned = weights

    def report_uncertainty(self, uncertainty: Mapping[str, Audio]) -> None:
        """Keep how sure the method is of its stems.

        Parameters
        ----------
        uncertainty : mapping of str to Audio
            By source name, the standard deviation of every sample of its stem, of the stem's rate and shape.

        Raises
        ------
        ValueError
            If any is negative.
        """
        negative = [name for name, spread in uncertainty.items() if spread.samples.min() < 0]
        if negative:
            raise ValueError(
                f"standard deviations need to be 0 or more, and of {', '.join(negative)} some are negative"
            )
        self.uncertainty = dict(uncertainty)

    def report_violations(self, violations: Mapping[str, float]) -> None:
        """Keep the final violations of hosted constraints, as `BoundConstraints.violations` gives them."""
        self.violations.update(violations)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._report_left_early()
        self._reporter = None

    def _report(self, stage: str, done: int, total: int) -> None:
        self._tell(Progress(stage, done, total, self._figures))

    def _tell(self, progress: Progress) -> None:
        self._report_left_early()
        if self._reporter is None:
            return
        try:
            self._reporter(progress)
        except SepkitError:
            raise
        except (Exception, SystemExit) as error:
            # Named here, or it would be taken for a fault of the method that was running.
            raise SepkitError(f"the host's progress reporter failed with {fault_of(error)}") from error

    def _report_left_early(self) -> None:
        left, self._left_early = self._left_early, None
        if left is not None:
            self._tell(left)


def checked_seed(seed: int) -> int:
    """`seed` as a plain number.

    Raises
    ------
    ConfigError
        If it is none, or negative.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ConfigError(f"seed needs a whole number from 0, given {seed!r}")
    return int(seed)
