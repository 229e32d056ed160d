"""What priors and constraints say of the two variables of an autoencoder: its templates and its activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sepkit.problem.constraint import BoundConstraints
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, gradient_parts
from sepkit.problem.problem import Problem


@dataclass(frozen=True, eq=False)
class BoundStatements:
    """All that is said of one variable.

    Attributes
    ----------
    constraints : BoundConstraints
    densities : sequence of Density
    support : Tensor of bool or None
        Outside of it the variable is zero.
    """

    constraints: BoundConstraints = field(default_factory=lambda: BoundConstraints(()))
    densities: Sequence[Density] = ()
    support: Tensor | None = None

    @classmethod
    def bound(cls, problem: Problem, layout: Layout, domain: Domain, device: torch.device) -> BoundStatements:
        """Those of `problem` on `domain`, on the axes of `layout`."""
        constraints = problem.bind_constraints(layout, domain)
        support = constraints.support()
        mask = None if support is None else torch.from_numpy(support).to(device)
        return cls(constraints, problem.bind_priors(layout, domain), mask)

    def within_support(self, value: Tensor, frames: slice = slice(None)) -> Tensor:
        """The value with exact zeros outside of the support; `frames` says which columns it is."""
        return value if self.support is None else value * self.support[:, frames]

    def project(self, value: Tensor) -> Tensor:
        """The nearest value that all constraints allow."""
        projected: Tensor = self.constraints.beyond_support().project(value)
        # The projection is a stranger: it has no say outside the support.
        return self.within_support(projected)

    @property
    def projects(self) -> bool:
        """Whether some constraint is more than a support."""
        return bool(self.constraints.beyond_support())

    def penalty(self, value: Tensor) -> float:
        """What the priors add to the cost."""
        return -sum(float(density.log_prob(value)) for density in self.densities)

    def penalty_gradient(self, value: Tensor) -> Tensor:
        """Gradient of the penalty."""
        return -sum((density.gradient(value) for density in self.densities), torch.zeros_like(value))

    def penalty_parts(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The same gradient as the difference of two nonnegative parts, which are only to be read."""
        plus = minus = value.new_zeros(()).expand(value.shape)
        for density in self.densities:
            more, less = gradient_parts(density, value)
            plus, minus = plus + more, minus + less
        return plus, minus


@dataclass(frozen=True, eq=False)
class FactorStatements:
    """All that is said of both variables.

    Attributes
    ----------
    templates : BoundStatements
        Their support removes weights of the decoder.
    activations : BoundStatements
        Their support is the structured dropout of Ewert and Sandler (2017).
    """

    templates: BoundStatements = field(default_factory=BoundStatements)
    activations: BoundStatements = field(default_factory=BoundStatements)

    @classmethod
    def of(cls, problem: Problem, layout: Layout, device: torch.device) -> FactorStatements:
        """All that `problem` says, on the axes of `layout`."""
        return cls(
            BoundStatements.bound(problem, layout, Domain.TEMPLATES, device),
            BoundStatements.bound(problem, layout, Domain.ACTIVATIONS, device),
        )
