"""The problem: a mixture and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sepkit.music.audio import Audio
from sepkit.music.side import SideInformation
from sepkit.problem.constraint import BoundConstraints, Constraint
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom, Layout
from sepkit.problem.prior import Density, Prior
from sepkit.problem.statement import Hosted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    priors, constraints : tuple of Hosted
        Each with the domain on which this method hosts it.
    """

    mixture: Audio
    sources: tuple[str, ...] = ()
    side_information: SideInformation = field(default_factory=SideInformation)
    priors: tuple[Hosted[Prior], ...] = ()
    constraints: tuple[Hosted[Constraint], ...] = ()

    def with_mixture(self, mixture: Audio) -> Problem:
        """The same problem about another mixture."""
        return replace(self, mixture=mixture)

    def layout(
        self,
        *,
        sources: tuple[str, ...] | None = None,
        bins_hz: NDArray[np.floating] | None = None,
        frames_s: NDArray[np.floating] | None = None,
        atoms: tuple[Atom, ...] | None = None,
    ) -> Layout:
        """The axes of the separator's own variables, for binding priors and constraints to them."""
        return Layout(
            mixture=self.mixture,
            side_information=self.side_information,
            sources=self.sources if sources is None else sources,
            bins_hz=bins_hz,
            frames_s=frames_s,
            atoms=atoms,
        )

    def bind_constraints(self, layout: Layout, domain: Domain) -> BoundConstraints:
        """The constraints hosted on `domain`, bound to `layout`, in declared order."""
        return BoundConstraints(
            tuple((c.label, c.statement.bind(layout, domain)) for c in self.constraints if c.domain is domain)
        )

    def bind_priors(self, layout: Layout, domain: Domain) -> tuple[Density, ...]:
        """The priors hosted on `domain`, bound to `layout`."""
        return tuple(p.statement.bind(layout, domain) for p in self.priors if p.domain is domain)
