"""What the priors and constraints of a problem mean for the two factors, for every method that factorises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import ConfigError
from sepkit.problem.constraint import BoundConstraints
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit_nmf.allocation import Allocation
from sepkit_nmf.factorization import Factorization, factorize
from sepkit_nmf.model import Projection

Array = NDArray[np.floating]


class Options(Protocol):
    """Options that methods which factorise have in common."""

    beta: float
    iterations: int
    tolerance: float

    @property
    def chosen_solver(self) -> str:
        """The solver that ``auto`` stands for."""
        ...


def factorize_hosting(
    V: Array,
    W: Array,
    H: Array,
    options: Options,
    layout: Layout,
    problem: Problem,
    run: Run,
    *,
    keep_zeros: bool = False,
    allocation: Allocation | None = None,
    shape_w: Projection | None = None,
    shape_h: Projection | None = None,
    **more: Any,
) -> Factorization:
    """Factorise under all that `problem` says of templates and activations, and report what came of it.

    Constraints that are a support become zeros that are never left, others projections after every update; priors add
    to the cost.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    W : ndarray [shape=(bins, atoms)]
        Templates to start from.
    H : ndarray [shape=(atoms, frames)]
        Activations to start from.
    options : Options
    layout : Layout
        With bins, frames and atoms.
    problem : Problem
        Its statements are taken.
    run : Run
        Gets the cost as a trace, both factors as variables, and the violations.
    keep_zeros : bool
        Whether zeros of the start say that nothing is to be there.
    allocation : Allocation, optional
        What is said of the spectrograms of sources, if anything is; then updates are multiplicative.
    shape_w, shape_h : callable, optional
        What the method itself makes of a factor after each of its updates; constraints have the last word.
    **more
        Further arguments of `factorize`.

    Raises
    ------
    ConfigError
        If there are priors on a factor that stays as it was given.
    """
    hosting = Hosting.of(problem, layout)
    hosting.require_free(more.get("free_w", True), more.get("free_h", True))
    W, H = hosting.projected(W, H)
    fit = factorize(
        V,
        W,
        H,
        beta=options.beta,
        solver=options.chosen_solver if allocation is None else "mu",
        allocation=allocation,
        max_iterations=options.iterations,
        tolerance=options.tolerance,
        steps=partial(run.steps, stage="factorise"),
        **hosting.arguments(W if keep_zeros else None, H if keep_zeros else None, shape_w, shape_h),
        **more,
    )
    run.trace("cost", fit.costs)
    run.keep(layout, {Domain.TEMPLATES: fit.W, Domain.ACTIVATIONS: fit.H})
    run.report_violations(hosting.violations(fit.W, fit.H))
    return fit


@dataclass(frozen=True)
class Hosting:
    """The priors and constraints of a problem, bound to the axes of templates and activations.

    Attributes
    ----------
    on_w, on_h : BoundConstraints
    densities_w, densities_h : tuple of Density
    """

    on_w: BoundConstraints
    on_h: BoundConstraints
    densities_w: tuple[Density, ...]
    densities_h: tuple[Density, ...]

    @classmethod
    def of(cls, problem: Problem, layout: Layout, templates: Layout | None = None) -> Hosting:
        """Bind all that a problem says.

        Parameters
        ----------
        problem : Problem
        layout : Layout
            With bins, frames and atoms.
        templates : Layout, optional
            That of the templates where their axes are others.
        """
        templates = templates or layout
        return cls(
            problem.bind_constraints(templates, Domain.TEMPLATES),
            problem.bind_constraints(layout, Domain.ACTIVATIONS),
            problem.bind_priors(templates, Domain.TEMPLATES),
            problem.bind_priors(layout, Domain.ACTIVATIONS),
        )

    def require_free(self, free_w: npt.ArrayLike, free_h: npt.ArrayLike) -> None:
        """Refuse priors on a factor of which no atom is updated: they would have no say."""
        require_free("templates", self.densities_w, free_w)
        require_free("activations", self.densities_h, free_h)

    def projected(self, W: Array, H: Array) -> tuple[Array, Array]:
        """The start within the constraints: what stays fixed keeps to them too, and no update would see to that."""
        return (
            self.on_w.project(W) if self.on_w.beyond_support() else W,
            self.on_h.project(H) if self.on_h.beyond_support() else H,
        )

    def arguments(
        self,
        zeros_w: Array | None = None,
        zeros_h: Array | None = None,
        shape_w: Projection | None = None,
        shape_h: Projection | None = None,
    ) -> dict[str, Any]:
        """Supports, densities and projections as arguments of `factorize`.

        Parameters
        ----------
        zeros_w, zeros_h : ndarray, optional
            Starts whose zeros say that nothing is to be there.
        shape_w, shape_h : callable, optional
            Come before the projections of the factors.
        """
        return {
            "support_w": _support(self.on_w, zeros_w),
            "support_h": _support(self.on_h, zeros_h),
            "densities_w": self.densities_w,
            "densities_h": self.densities_h,
            "project_w": _after(shape_w, _projection(self.on_w)),
            "project_h": _after(shape_h, _projection(self.on_h)),
        }

    def violations(self, W: Array, H: Array) -> dict[str, float]:
        """The final violation of every constraint."""
        return {**self.on_w.violations(W), **self.on_h.violations(H)}


def require_free(name: str, densities: Sequence[Density], free: npt.ArrayLike) -> None:
    """Refuse priors on a factor of which no atom is updated: they would have no say."""
    if densities and not np.any(free):
        raise ConfigError(
            f"priors on {name} have no say over {name} that stay as they were given; leave them out, or set fix=none"
        )


def _support(bound: BoundConstraints, start: Array | None) -> NDArray[np.bool_] | None:
    support = bound.support()
    if start is None:
        return support
    nonzero: NDArray[np.bool_] = np.greater(start, 0, out=large.empty(start.shape, bool))
    if support is not None:
        nonzero &= support
    return nonzero


def _after(first: Projection | None, then: Projection | None) -> Projection | None:
    if first is None or then is None:
        return first or then
    return lambda values: then(first(values))


def _projection(bound: BoundConstraints) -> Projection | None:
    rest = bound.beyond_support()
    return rest.project if rest else None
