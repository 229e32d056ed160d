"""What the priors and constraints of a problem mean for the two factors, for every method that factorises."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from sepkit.errors import ConfigError
from sepkit.problem.constraint import BoundConstraints
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
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
    **more
        Further arguments of `factorize`.

    Raises
    ------
    ConfigError
        If there are priors on a factor that stays as it was given.
    """
    on_w = problem.bind_constraints(layout, Domain.TEMPLATES)
    on_h = problem.bind_constraints(layout, Domain.ACTIVATIONS)
    densities_w = problem.bind_priors(layout, Domain.TEMPLATES)
    densities_h = problem.bind_priors(layout, Domain.ACTIVATIONS)
    require_free("templates", densities_w, more.get("free_w", True))
    require_free("activations", densities_h, more.get("free_h", True))
    # What stays fixed keeps to the constraints too, and no update would see to that.
    if on_w.beyond_support():
        W = on_w.project(W)
    if on_h.beyond_support():
        H = on_h.project(H)
    fit = factorize(
        V,
        W,
        H,
        beta=options.beta,
        solver=options.chosen_solver,
        max_iterations=options.iterations,
        tolerance=options.tolerance,
        support_w=_support(on_w, W if keep_zeros else None),
        support_h=_support(on_h, H if keep_zeros else None),
        densities_w=densities_w,
        densities_h=densities_h,
        project_w=_projection(on_w),
        project_h=_projection(on_h),
        steps=partial(run.steps, stage="factorise"),
        **more,
    )
    run.trace("cost", fit.costs)
    run.keep(layout, {Domain.TEMPLATES: fit.W, Domain.ACTIVATIONS: fit.H})
    run.report_violations({**on_w.violations(fit.W), **on_h.violations(fit.H)})
    return fit


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
    return start > 0 if support is None else support & (start > 0)


def _projection(bound: BoundConstraints) -> Projection | None:
    rest = bound.beyond_support()
    return rest.project if rest else None
