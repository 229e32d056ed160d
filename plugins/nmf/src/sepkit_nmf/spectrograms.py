"""What is asked of the spectrograms of sources: constraints on them, bound to the axes of a factorisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import ConfigError
from sepkit.problem.constraint import BoundConstraints
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit_nmf.allocation import Allocation
from sepkit_nmf.factorization import Factorization
from sepkit_nmf.sharing import source_magnitudes


@dataclass(frozen=True)
class SpectrogramConstraints:
    """Constraints on the spectrograms of sources.

    Attributes
    ----------
    sources : tuple of str
    bound : BoundConstraints
    """

    sources: tuple[str, ...]
    bound: BoundConstraints

    @classmethod
    def of(cls, problem: Problem, sources: tuple[str, ...], **axes: Any) -> SpectrogramConstraints:
        """Those of a problem.

        Raises
        ------
        ConfigError
            If there are some and the sources have no names.
        """
        asked = [one for one in problem.constraints if one.domain == Domain.SPECTROGRAMS]
        if not asked:
            return cls(sources, BoundConstraints(()))
        if not sources:
            raise ConfigError(
                f"constraint '{asked[0].label}' speaks of the spectrograms of sources, and these have no names; give "
                "them some with sources=... or --sources"
            )
        return cls(sources, problem.bind_constraints(problem.layout(sources=sources, **axes), Domain.SPECTROGRAMS))

    @property
    def ask_something(self) -> bool:
        """Whether they forbid any value at all."""
        support = self.bound.support()
        return bool(self.bound.beyond_support()) or (support is not None and not support.all())

    def allocation(self, owners: Sequence[str | None]) -> Allocation | None:
        """How the sources share the data out; None where nothing is asked.

        Parameters
        ----------
        owners : sequence of str or None
            The source of every atom.

        Raises
        ------
        ConfigError
            If one has no atoms, or the source of an atom is not known.
        """
        if not self.ask_something:
            return None
        members = {source: np.flatnonzero([owner == source for owner in owners]) for source in self.sources}
        if None in owners or not all(map(len, members.values())):
            raise ConfigError("constraints on spectrograms need the source of every atom; name those of the start")
        return Allocation(members, self.bound)

    def projected(
        self, fit: Factorization, members: Mapping[str, NDArray[np.intp]], run: Run
    ) -> NDArray[np.floating] | None:
        """The allowed spectrograms nearest to the model's, whose violations the run is told; None for the model's own.

        Returns
        -------
        magnitudes : ndarray [shape=(sources, bins, frames)] or None
        """
        if not self.ask_something:
            run.report_violations({label: 0.0 for label, _ in self.bound.projections})
            return None
        shape = (len(fit.W), fit.H.shape[1])
        magnitudes = large.empty((len(members), *shape), fit.W.dtype)
        violations: dict[str, float] = {}
        for block, constraints in Allocation(members, self.bound).blocks(shape):
            magnitudes[..., block] = constraints.project(source_magnitudes(fit, members, block))
            for label, violation in constraints.violations(magnitudes[..., block]).items():
                violations[label] = max(violation, violations.get(label, 0.0))
        run.report_violations(violations)
        return magnitudes
