"""Multiplicative updates."""

from __future__ import annotations

import numpy as np

from sepkit import large
from sepkit_nmf.divergence import CACHE_ELEMENTS, Array, frame_blocks, inner
from sepkit_nmf.model import Factor, Model

# Halvings of a step that priors made too long, before it is given up.
MAX_HALVINGS = 12


class MultiplicativeUpdates:
    """Multiplicative updates by majorisation and minimisation.

    The ratio of the gradient's negative to its positive part, to the power that provably lowers the cost [1]_, [2]_.

    References
    ----------
    .. [1] D. D. Lee and H. S. Seung, "Algorithms for non-negative matrix factorization", NIPS, 2000.
    .. [2] C. Févotte and J. Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence",
       Neural Computation, 2011.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    def iterate(self) -> None:
        """Update the activations, then the templates, where they are free."""
        for factor in self.model.free_factors:
            self.update(factor)

    def update(self, factor: Factor) -> None:
        """Lower the cost in one factor."""
        updated = multiplicative_step(self.model, factor, factor.values)
        if updated is not None:
            factor.assign(updated)


def multiplicative_step(model: Model, factor: Factor, start: Array) -> Array | None:
    """One multiplicative update from ``start`` that provably does not raise the cost above that of the current values.

    Without priors a step from the current values needs no proof. Otherwise the proof is a bound that costs no pass over
    the data: the divergence lies below its majoriser at the new values, and above its tangent at ``start`` for the
    current ones (it is convex in one factor for beta in [1, 2]).

    Parameters
    ----------
    model : Model
        The factorisation.
    factor : Factor
        Which factor.
    start : np.ndarray [shape=(atoms, length)]
        Where to step from: the current values or an extrapolation of them.

    Returns
    -------
    np.ndarray or None
        New values of the updated atoms; None where no step is provably a descent.
    """
    numerator, denominator = model.gradient_parts(factor, start)
    ratio = _update_ratio(model, factor, start, numerator, denominator)
    origin = start[factor.rows]
    is_extrapolated = start is not factor.values
    if not (is_extrapolated or factor.densities):
        # H ← H ⊙ [Wᵀ(V ⊙ (WH)^(β-2)) ⊘ Wᵀ(WH)^(β-1)]^γ: equations (4) and (5) of Lee and Seung for β = 2 and 1, the MM
        # algorithm of Févotte and Idier for all others.
        ratio *= origin
        return ratio
    current = factor.values[factor.rows]
    rise_to_start = tangent_rise(current, origin, numerator, denominator) if is_extrapolated else 0.0
    penalty = factor.penalty(factor.values)
    for _ in range(MAX_HALVINGS):
        # H ← Ĥ ⊙ ratio^(1/2ⁿ), Ĥ being the values to step from and n the halvings so far.
        candidate: Array = np.multiply(origin, ratio, out=large.empty(ratio.shape, ratio.dtype))
        rise = rise_to_start - majoriser_decrease(origin, ratio, numerator, denominator, model.beta)
        if factor.densities:
            rise += factor.penalty(factor.with_rows(candidate)) - penalty
        if rise <= 0:
            return candidate
        if is_extrapolated:
            return None
        np.sqrt(ratio, out=ratio)
    return None


def tangent_rise(current: Array, start: Array, numerator: Array, denominator: Array) -> float:
    """How far the tangent at ``start`` rises from ``current`` to ``start``: a convex divergence rises no further."""
    rise = 0.0
    for block in frame_blocks(start.shape, CACHE_ELEMENTS):
        # ⟨∇D(Ĥ), Ĥ - H⟩, with ∇D = denominator - numerator.
        rise += inner(_part(denominator, block) - numerator[:, block], start[:, block] - current[:, block])
    return rise


def majoriser_decrease(origin: Array, ratio: Array, numerator: Array, denominator: Array, beta: float) -> float:
    """How far the majoriser of the divergence falls when ``origin`` is multiplied by ``ratio``.

    The majoriser is Jensen's bound for the convex part of the divergence and the tangent for the concave part (Févotte
    and Idier 2011); it touches the divergence at ``origin``, so the divergence falls at least as far.
    """
    decrease = 0.0
    for block in frame_blocks(ratio.shape, CACHE_ELEMENTS):
        # For β in [1, 2]: Σ Ĥ [(1 - ρ^β)/β · denominator + (ρ^(β-1) - 1)/(β-1) · numerator]. The tangent replaces the
        # first term below β = 1, and the second above β = 2.
        rho = np.maximum(ratio[:, block], np.finfo(ratio.dtype).tiny)
        growth = (1.0 - rho**beta) / beta if beta >= 1 else 1.0 - rho
        gain = _deformed_log(rho, beta) if beta <= 2 else rho - 1.0
        decrease += inner(origin[:, block], growth * _part(denominator, block) + gain * numerator[:, block])
    return decrease


def _deformed_log(rho: Array, beta: float) -> Array:
    """``(rho ** (beta - 1) - 1) / (beta - 1)``, the logarithm in the limit."""
    if beta == 1:
        return np.log(rho)
    return (rho ** (beta - 1.0) - 1.0) / (beta - 1.0)


def _update_ratio(model: Model, factor: Factor, start: Array, numerator: Array, denominator: Array) -> Array:
    """Numerator over denominator, priors included, to the power γ of the divergence's majoriser."""
    plus, minus = factor.penalty_parts(start)
    limits = np.finfo(start.dtype)
    # γ(β) = 1/(2-β) for β < 1, 1 for β in [1, 2], 1/(β-1) for β > 2.
    beta = model.beta
    exponent = 1.0 / (2.0 - beta) if beta < 1 else 1.0 / (beta - 1.0) if beta > 2 else 1.0
    ratios = large.empty(numerator.shape, numerator.dtype)
    for block in frame_blocks(ratios.shape, CACHE_ELEMENTS):
        ratio = ratios[:, block]
        down = _part(denominator, block) + _part(plus, block) + model.added_epsilon
        with np.errstate(over="ignore"):
            np.divide(numerator[:, block] + _part(minus, block), np.maximum(down, limits.tiny), out=ratio)
        # A denominator of zero belongs to a value of zero: keep the product of the two a zero.
        np.minimum(ratio, limits.max**0.5, out=ratio)
        if exponent != 1:
            ratio **= exponent
    return ratios


def _part(values: Array | float, block: slice) -> Array | float:
    """Some positions of values that may be the same at all of them."""
    return values if np.ndim(values) == 0 or np.shape(values)[1] == 1 else np.asarray(values)[:, block]
