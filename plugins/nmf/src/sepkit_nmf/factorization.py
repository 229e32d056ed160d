"""Nonnegative matrix factorisation, its constraints and its stopping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sepkit import Density, large
from sepkit_nmf.allocation import AllocatedModel, Allocation
from sepkit_nmf.checks import check_data, check_factor, check_solver, check_support, free_rows
from sepkit_nmf.divergence import Array
from sepkit_nmf.hals import HierarchicalLeastSquares
from sepkit_nmf.model import Factor, Model, Projection
from sepkit_nmf.mu import MultiplicativeUpdates
from sepkit_nmf.mue import ExtrapolatedUpdates

# Iterations from one look at the cost to the next, and the span over which its decrease is judged.
CHECK_INTERVAL = 10


class Solver(Protocol):
    """A rule that lowers the cost."""

    def iterate(self) -> None:
        """Update the activations, then the templates, where they are free."""


SOLVERS: dict[str, Callable[[Model], Solver]] = {
    "mu": MultiplicativeUpdates,
    "mue": ExtrapolatedUpdates,
    "hals": HierarchicalLeastSquares,
}


@dataclass(frozen=True, eq=False)
class Factorization:
    """The outcome of `factorize`.

    Attributes
    ----------
    W : np.ndarray [shape=(bins, atoms)]
        Templates.
    H : np.ndarray [shape=(atoms, frames)]
        Activations.
    costs : list of float
        The cost at the start, every tenth iteration, and the end.
    iterations : int
        How many iterations were done.
    converged : bool
        Whether the cost stopped falling before the iterations ran out.
    """

    W: Array
    H: Array
    costs: list[float] = field(repr=False)
    iterations: int
    converged: bool


def has_converged(costs: Sequence[float], tolerance: float) -> bool:
    """Whether the last cost is lower than the one before by no more than a fraction of that; never with tolerance 0."""
    return tolerance > 0 and costs[-2] - costs[-1] <= tolerance * abs(costs[-2])


def factorize(
    V: Array,
    W: Array,
    H: Array,
    *,
    beta: float = 1.0,
    solver: str = "mue",
    max_iterations: int = 200,
    tolerance: float = 1e-4,
    support_w: npt.ArrayLike | None = None,
    support_h: npt.ArrayLike | None = None,
    free_w: npt.ArrayLike = True,
    free_h: npt.ArrayLike = True,
    densities_w: Sequence[Density] = (),
    densities_h: Sequence[Density] = (),
    project_w: Projection | None = None,
    project_h: Projection | None = None,
    added_epsilon: float = 0.0,
    allocation: Allocation | None = None,
    steps: Callable[[int], Iterable[object]] = range,
) -> Factorization:
    r"""Factorise ``V`` into ``W @ H``, all nonnegative, from a given start.

    Minimises :math:`D_\beta(V | WH) - \sum \log p(W) - \sum \log p(H)`, updating the activations first and then the
    templates in each iteration. The cost never rises, whatever the solver, unless a projection or ``added_epsilon``
    interferes.

    Parameters
    ----------
    V : np.ndarray [shape=(bins, frames)]
        Nonnegative data, float32 or float64; the computation is in this type. Never copied as a whole.
    W : np.ndarray [shape=(bins, atoms)]
        Templates to start from.
    H : np.ndarray [shape=(atoms, frames)]
        Activations to start from.
    beta : float
        The divergence: 2 Euclidean, 1 Kullback-Leibler, 0 Itakura-Saito.
    solver : {"mu", "mue", "hals"}
        Multiplicative updates (any ``beta``), the same with extrapolation (``beta`` in [1, 2]), or hierarchical
        alternating least squares (``beta=2``, the fastest there).
    max_iterations : int
        At most so many iterations.
    tolerance : float
        Stop when the cost fell by less than this fraction over ten iterations; 0 never stops early.
    support_w, support_h : array_like of bool [shape=(bins, atoms)], [shape=(atoms, frames)], optional
        Outside its support a factor is exactly zero, from the start to the end.
    free_w, free_h : bool or array_like of bool [shape=(atoms,)]
        Which atoms are updated.
    densities_w, densities_h : sequence of Density
        Priors of the factors; one that is also a `sepkit.GradientSplit` says itself how multiplicative
        updates take it.
    project_w, project_h : callable, optional
        Applied to a factor after each of its updates, for constraints that are not a support.
    added_epsilon : float
        Added to the denominators of multiplicative updates. This biases the result; it is there to reproduce other
        packages. By default only zero denominators are treated.
    allocation : Allocation, optional
        Constraints on the spectrograms of sources, each with atoms of its own; needs ``solver="mu"``.
    steps : callable
        From a number of iterations to an iterable of that length, to show progress or to cancel by raising.

    Returns
    -------
    Factorization
        The factors, in new arrays, and how they were reached.

    Raises
    ------
    ValueError
        When an argument is out of its range; the message names the remedy.
    """
    check_data(V)
    check_solver(solver, beta, tuple(SOLVERS), max_iterations, tolerance, added_epsilon)
    bins, frames = V.shape
    atoms = np.shape(W)[-1] if np.ndim(W) == 2 else 0
    templates = Factor(
        np.array(check_factor("W", W, (bins, atoms)).T, dtype=V.dtype, order="C"),
        is_templates=True,
        support=check_support("support_w", support_w, (bins, atoms), transpose=True),
        rows=free_rows("free_w", free_w, atoms),
        densities=densities_w,
        project=project_w,
    )
    activations = Factor(
        large.copied(check_factor("H", H, (atoms, frames)), V.dtype),
        is_templates=False,
        support=check_support("support_h", support_h, (atoms, frames), transpose=False),
        rows=free_rows("free_h", free_h, atoms),
        densities=densities_h,
        project=project_h,
    )
    options = {"beta": beta, "added_epsilon": added_epsilon}
    if allocation is None:
        model = Model(V, templates, activations, **options)
    elif solver == "mu":
        model = AllocatedModel(V, templates, activations, allocation, **options)
    else:
        raise ValueError(f"solver is {solver!r}; constraints on spectrograms need 'mu'")
    costs, iterations, converged = descend(model, solver, max_iterations, tolerance, steps)
    W_out = np.ascontiguousarray(templates.values.T)
    return Factorization(W_out, activations.values, costs, iterations, converged)


def descend(
    model: Model, solver: str, max_iterations: int, tolerance: float, steps: Callable[[int], Iterable[object]] = range
) -> tuple[list[float], int, bool]:
    """Lower the cost of a model until it stops falling or the iterations run out; parameters are of `factorize`.

    Returns
    -------
    costs : list of float
        At the start, every tenth iteration, and the end.
    iterations : int
        How many were done.
    converged : bool

    Raises
    ------
    ValueError
        If the cost of the start is not finite.
    """
    rule = SOLVERS[solver](model)
    costs = [model.cost()]
    if not np.isfinite(costs[0]):
        raise ValueError(f"the cost of the start is {costs[0]}; start from values that every prior allows")
    iterations = checked = 0
    converged = False
    for _ in steps(max_iterations):
        rule.iterate()
        iterations += 1
        if iterations % CHECK_INTERVAL == 0:
            costs.append(model.cost())
            checked = iterations
            converged = has_converged(costs, tolerance)
            if converged:
                break
    if checked < iterations:
        costs.append(model.cost())
    return costs, iterations, converged
