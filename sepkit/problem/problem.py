"""The problem: a mixture and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from sepkit.errors import VacuousError
from sepkit.music.audio import Audio
from sepkit.music.side import SideInformation
from sepkit.problem.constraint import BoundConstraints, Constraint
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom, Layout
from sepkit.problem.needs import kinds
from sepkit.problem.prior import Density, Prior
from sepkit.problem.run import Run
from sepkit.problem.statement import Hosted, Statement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

S = TypeVar("S", bound=Statement)


@dataclass(frozen=True)
class Problem:
    """What a separator is asked to solve. Immutable and picklable.

    Attributes
    ----------
    mixture : Audio
        At the rate and with the channels that the method's spec asks for.
    sources : tuple of str
        The wanted names, in order; empty when the method is to name what it finds.
    side_information : SideInformation
        What the method's spec asks for.
    priors, constraints : tuple of Hosted
        Each with the domain on which this method hosts it.
    for_statements : SideInformation, optional
        All that the caller gave: priors and constraints see of it what each of them needs. By default
        `side_information`.
    """

    mixture: Audio
    sources: tuple[str, ...] = ()
    side_information: SideInformation = field(default_factory=SideInformation)
    priors: tuple[Hosted[Prior], ...] = ()
    constraints: tuple[Hosted[Constraint], ...] = ()
    for_statements: SideInformation | None = None

    def layout(
        self,
        *,
        sources: tuple[str, ...] | None = None,
        bins_hz: NDArray[np.floating] | None = None,
        frames_s: NDArray[np.floating] | None = None,
        atoms: tuple[Atom, ...] | None = None,
        lengths: Mapping[str, int] = MappingProxyType({}),
    ) -> Layout:
        """The axes of the separator's own variables, for binding priors and constraints to them."""
        return Layout(
            mixture=self.mixture,
            side_information=self.side_information,
            sources=self.sources if sources is None else sources,
            bins_hz=bins_hz,
            frames_s=frames_s,
            atoms=atoms,
            # A plain one, so that what holds the layout can be pickled.
            lengths=dict(lengths),
        )

    def bind_constraints(self, layout: Layout, domain: Domain) -> BoundConstraints:
        """The constraints hosted on `domain`, bound to `layout`, in declared order.

        Raises
        ------
        VacuousError
            If one that was declared can say nothing of these axes.
        """
        hosted = self._hosted(self.constraints, "constraint", layout, domain)
        return BoundConstraints(tuple((one.label, one.statement.bind(seen, domain)) for one, seen in hosted))

    def bind_priors(self, layout: Layout, domain: Domain, run: Run | None = None) -> tuple[Density, ...]:
        """The priors hosted on `domain`, bound to `layout`, in declared order.

        Parameters
        ----------
        layout : Layout
        domain : Domain
        run : Run, optional
            Within which they are bound, for those to which that is work.

        Raises
        ------
        VacuousError
            If one that was declared can say nothing of these axes.
        """
        hosted = self._hosted(self.priors, "prior", layout, domain)
        within = run or Run()
        return tuple(one.statement.bind_within(seen, domain, within) for one, seen in hosted)

    def _hosted(
        self, statements: tuple[Hosted[S], ...], kind: str, layout: Layout, domain: Domain
    ) -> list[tuple[Hosted[S], Layout]]:
        """The statements hosted on `domain`, each with the layout as it sees it."""
        given = self.side_information if self.for_statements is None else self.for_statements
        hosted = [
            (one, replace(layout, side_information=given.only(kinds(one.statement.needs))))
            for one in statements
            if one.domain == domain
        ]
        vacuous = [(one, one.statement.vacuous(seen, domain)) for one, seen in hosted if not one.default]
        reasons = tuple(f"{kind} '{one.label}' {reason}" for one, reason in vacuous if reason)
        if reasons:
            raise VacuousError(*reasons)
        return hosted
