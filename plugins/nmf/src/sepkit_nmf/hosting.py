"""What the priors and constraints of a problem mean for the two factors, for every method that factorises."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sepkit.problem.constraint import BoundConstraints
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
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
    """
    on_w = problem.bind_constraints(layout, Domain.TEMPLATES)
    on_h = problem.bind_constraints(layout, Domain.ACTIVATIONS)
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
        densities_w=problem.bind_priors(layout, Domain.TEMPLATES),
        densities_h=problem.bind_priors(layout, Domain.ACTIVATIONS),
        project_w=_projection(on_w),
        project_h=_projection(on_h),
        steps=partial(run.steps, stage="factorise"),
        **more,
    )
    run.trace("cost", fit.costs)
    run.keep(layout, {Domain.TEMPLATES: fit.W, Domain.ACTIVATIONS: fit.H})
    run.report_violations({**on_w.violations(fit.W), **on_h.violations(fit.H)})
    return fit


def _support(bound: BoundConstraints, start: Array | None) -> NDArray[np.bool_] | None:
    support = bound.support()
    if start is None:
        return support
    return start > 0 if support is None else support & (start > 0)


def _projection(bound: BoundConstraints) -> Projection | None:
    rest = bound.beyond_support()
    return rest.project if rest else None
