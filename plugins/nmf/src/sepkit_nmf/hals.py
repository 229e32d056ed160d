"""Accelerated hierarchical alternating least squares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sepkit import large
from sepkit_nmf.divergence import Array, frame_blocks, inner
from sepkit_nmf.model import Factor, Model

MAX_SWEEPS = 4
SWEEP_TOLERANCE = 0.01
# Halvings of a sweep that priors made too long, before it is given up.
MAX_HALVINGS = 12
# Elements of a factor that one sweep revisits once an atom: they should stay in a core's second cache.
SWEEP_ELEMENTS = 1 << 18
# Extrapolation: the first weight, its growth and its bound's growth after a success, its decay after a failure.
INITIAL_WEIGHT = 0.25
GROWTH = 1.05
BOUND_GROWTH = 1.01
DECAY = 1.5


class HierarchicalLeastSquares:
    """Exact minimisation in one atom after the other, several sweeps for each product with the data [1]_.

    Both factors are extrapolated [2]_ where no prior or projection is in the way, and an iteration that raised the cost
    is taken back, so the cost never rises.

    References
    ----------
    .. [1] N. Gillis and F. Glineur, "Accelerated multiplicative updates and hierarchical ALS algorithms for nonnegative
       matrix factorization", Neural Computation, 2012.
    .. [2] A. M. S. Ang and N. Gillis, "Accelerating nonnegative matrix factorization algorithms using extrapolation",
       Neural Computation, 2019.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        factors = (model.templates, model.activations)
        bound = any(factor.densities or factor.project or not isinstance(factor.rows, slice) for factor in factors)
        self._extrapolation = None if bound else Extrapolation(model)

    def iterate(self) -> None:
        """Update the activations, then the templates, where they are free."""
        if self._extrapolation is not None:
            self._extrapolation.iterate()
            return
        for factor in self.model.free_factors:
            correlation, gram = products(self.model, factor)
            if factor.densities:
                sweep_with_priors(factor, correlation, gram)
            else:
                sweep(factor, correlation, gram)
            factor.assign(factor.values[factor.rows])


class Extrapolation:
    """Sweeps whose other factor is extrapolated, and the record needed to take an iteration back.

    The weight grows while the cost falls and shrinks when it does not, under a bound that learns from the failures.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.weight = INITIAL_WEIGHT
        self.weight_bound = 1.0
        self.cost = np.inf
        # Nothing to extrapolate from yet: the first iteration is a plain one.
        self.templates_ahead = model.templates.values.copy()
        self.last_solution: Array | None = None

    def iterate(self) -> None:
        """One iteration, or none when it would raise the cost."""
        templates, activations = self.model.templates, self.model.activations
        accepted = templates.values, activations.values
        templates.values = self.templates_ahead
        activations.values = large.copied(activations.values)
        sweep(activations, *products(self.model, activations))
        solution = activations.values
        if self.last_solution is not None:
            activations.values = extrapolate(solution, self.last_solution, self.weight)
        correlation, gram = products(self.model, templates)
        sweep(templates, correlation, gram)
        cost = self.model.cost_from_products(templates, correlation, gram)
        if cost > self.cost:
            templates.values, activations.values = accepted
            self.templates_ahead = templates.values.copy()
            self.last_solution = None
            self.weight_bound = self.weight
            self.weight /= DECAY
            return
        self.templates_ahead = extrapolate(templates.values, accepted[0], self.weight)
        self.last_solution = solution
        self.cost = cost
        self.weight = min(self.weight_bound, GROWTH * self.weight)
        self.weight_bound = min(1.0, BOUND_GROWTH * self.weight_bound)


def extrapolate(values: Array, previous: Array, weight: float) -> Array:
    """Continue the way from ``previous`` to ``values``, not below zero."""
    # Ĥ = max(0, H + λ (H - H⁻))
    ahead: Array = np.subtract(values, previous, out=large.empty(values.shape, values.dtype))
    ahead *= weight
    ahead += values
    return np.maximum(ahead, 0.0, out=ahead)


def products(model: Model, factor: Factor) -> tuple[Array, Array]:
    """Right and left side of the normal equations of ``factor``."""
    other = model.other(factor).values
    return model.correlation(factor), other @ other.T


def sweep(factor: Factor, correlation: Array, gram: Array) -> None:
    """Minimise in each updated atom in turn, until a sweep moves little against the first one."""
    coordinates = _Coordinates(factor, gram)
    for block in frame_blocks(factor.values.shape, SWEEP_ELEMENTS):
        values = factor.values[:, block]
        support = None if factor.support is None else factor.support[:, block]
        targets = coordinates.targets(correlation[:, block])
        first_move = 0.0
        for _ in range(MAX_SWEEPS):
            before = values.copy()
            coordinates.sweep(values, targets, support)
            before -= values
            move = float(np.linalg.norm(before))
            first_move = first_move or move
            if move <= SWEEP_TOLERANCE * first_move:
                break


class _Coordinates:
    """The normal equations of the updated atoms, each divided by its own diagonal element.

    The minimiser for one atom is then its target less a weighted sum of the other atoms, cut at zero.
    """

    def __init__(self, factor: Factor, gram: Array) -> None:
        atoms = np.arange(factor.values.shape[0])[factor.rows]
        diagonal = np.diagonal(gram)[atoms]
        # An atom whose counterpart is all zero has no say in the cost: it stays as it is.
        self.live = np.flatnonzero(diagonal > np.finfo(gram.dtype).tiny)
        self.atoms = atoms[self.live]
        self.diagonal = diagonal[self.live, np.newaxis]
        self.weights = gram[self.atoms] / self.diagonal
        self.weights[np.arange(self.atoms.size), self.atoms] = 0.0

    def targets(self, correlation: Array) -> Array:
        return correlation[self.live] / self.diagonal

    def sweep(self, values: Array, targets: Array, support: npt.NDArray[np.bool_] | None) -> None:
        """Minimise in each atom in turn, all positions at once."""
        explained = np.empty(values.shape[1], dtype=values.dtype)
        # h_k ← max(0, (c_k - Σ_{j≠k} G_kj h_j) / G_kk), with C = WᵀV and G = WᵀW; for the templates likewise.
        for atom, target, weights in zip(self.atoms, targets, self.weights, strict=True):
            np.dot(weights, values, out=explained)
            np.subtract(target, explained, out=explained)
            np.maximum(explained, 0.0, out=values[atom])
            if support is not None:
                values[atom] *= support[atom]


def sweep_with_priors(factor: Factor, correlation: Array, gram: Array) -> None:
    """Sweep with the priors made linear at the current values, going only as far as the cost falls.

    The sweep lowers the linearised cost, a convex function that touches the true one, so it points downhill and a
    short enough part of it is a descent.
    """
    rows = factor.rows
    coordinates = _Coordinates(factor, gram)
    for _ in range(MAX_SWEEPS):
        values = factor.values[rows]
        plus, minus = factor.penalty_parts(factor.values)
        swept = factor.values.copy()
        coordinates.sweep(swept, coordinates.targets(correlation - plus + minus), factor.support)
        step = swept[rows] - values
        # ½‖V - W(H + λS)‖² - ½‖V - WH‖² = λ⟨S, GH - C⟩ + ½λ²⟨S, GS⟩, with S the step of the sweep.
        slope = inner(step, gram[rows] @ factor.values - correlation)
        curvature = inner(step, gram[rows] @ (swept - factor.values))
        penalty = factor.penalty(factor.values)
        for halvings in range(MAX_HALVINGS):
            length = 0.5**halvings
            candidate = values + length * step
            change = length * slope + 0.5 * length**2 * curvature
            if change + factor.penalty(factor.with_rows(candidate)) - penalty <= 0:
                factor.values[rows] = candidate
                break
        else:
            return
