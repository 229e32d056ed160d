"""Separators: ways of solving a problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Generic

from sepkit.config import C
from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run


class Separator(ABC, Generic[C]):
    """Base of every method.

    A subclass implements `separate`, and `load` if it has weights. Everything around it is sepkit's: files, rates and
    channels, progress bars, cancellation, checks of the result, provenance.

    Parameters
    ----------
    config : Config
        The only thing a constructor gets and keeps. No file, device or signal is touched in it.

    Examples
    --------
    >>> from sepkit import Audio, Config, Separator
    >>> class Halve(Separator[Config]):
    ...     def separate(self, problem, run):
    ...         half = Audio(problem.mixture.samples / 2, problem.mixture.sample_rate)
    ...         return {name: half for name in problem.sources or ("a", "b")}
    """

    def __init__(self, config: C) -> None:
        self.config = config

    @property
    def parameters(self) -> int:
        """Number of trained parameters, once loaded; 0 for methods that learn nothing beforehand."""
        return 0

    @property
    def sample_rate(self) -> int | None:
        """The only rate that the loaded weights work at, in Hz; None when any will do, or the spec's.

        It is disregarded when priors on waveforms are declared: these take the place of the weights.
        """
        return None

    @property
    def sources(self) -> tuple[str, ...]:
        """The names that its weights or options always separate into; empty when the method can be asked for any.

        Callers may ask for some of them: `separate` is given all, and sepkit picks those out. A method whose spec has
        the trait ``selective`` is given those alone, unless priors or constraints are declared, which speak of all.
        """
        return ()

    # Empty on purpose, not abstract: most methods have nothing to load.
    def load(self, weights: Path | None, run: Run) -> None:
        """Load weights, once, before the first separation.

        `weights` is a folder, or a file where the caller gave one.

        The run is one of loading, with its own random numbers; the separation gets another.
        """

    @abstractmethod
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        """Solve `problem`.

        A pure function of problem and run: the instance is not changed, so that threads can share it.

        Parameters
        ----------
        problem : Problem
        run : Run
            Loop over ``run.steps(total, stage)`` and draw from ``run.rng``.

        Returns
        -------
        stems : mapping of str to Audio
            With the names of ``problem.sources`` in that order (or names of the method's own when it is empty), each
            with the mixture's rate, channels and length.
        """
