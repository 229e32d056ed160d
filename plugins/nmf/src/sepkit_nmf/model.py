"""The state of one factorisation: the data, its two factors, and the gradient of the divergence in either of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from sepkit import Density, large
from sepkit.problem.prior import gradient_parts
from sepkit_nmf.active import ActiveBlock, Rows, active_blocks, whole_blocks
from sepkit_nmf.divergence import CACHE_ELEMENTS, Array, block_divergence, data_floor, frame_blocks, inner

Projection: TypeAlias = Callable[[Array], Array]

# Matrix products pay for their start-up, so the blocks of a pass over the data are larger than a cache:
# 4 MB of float32, the only extra memory that a factorisation takes beside the factors.
PASS_ELEMENTS = 1 << 20
# A cost is mostly elementwise work on few temporaries.
COST_ELEMENTS = 1 << 18


@dataclass(eq=False)
class Factor:
    """Templates or activations, one atom a row, with everything that binds them.

    Attributes
    ----------
    values : np.ndarray [shape=(atoms, length)]
        The current values: ``length`` is bins for templates (held transposed) and frames for activations.
    is_templates : bool
        Which of the two it is; priors and projections see templates in their usual shape (bins, atoms).
    support : np.ndarray [shape=(atoms, length)] or None
        Where the factor may differ from zero; None is everywhere.
    rows : slice or np.ndarray
        The atoms that are updated.
    densities : sequence of Density
        Priors.
    project : callable or None
        Applied after each update.
    """

    values: Array
    is_templates: bool
    support: npt.NDArray[np.bool_] | None
    rows: Rows
    densities: Sequence[Density]
    project: Projection | None

    def __post_init__(self) -> None:
        if self.support is not None:
            self.values *= self.support

    @property
    def is_fixed(self) -> bool:
        """Whether no atom is updated."""
        return not isinstance(self.rows, slice) and self.rows.size == 0

    def public(self, values: Array) -> Array:
        """The usual orientation of ``values``: (bins, atoms) or (atoms, frames)."""
        return values.T if self.is_templates else values

    def with_rows(self, updated: Array) -> Array:
        """All atoms, those of `rows` replaced."""
        if isinstance(self.rows, slice):
            return updated
        values = self.values.copy()
        values[self.rows] = updated
        return values

    def penalty(self, values: Array) -> float:
        """What the priors add to the cost when the factor is ``values``."""
        return -sum(float(density.log_prob(self.public(values))) for density in self.densities)

    def penalty_parts(self, values: Array) -> tuple[Array | float, Array | float]:
        """Positive and negative part of the penalty's gradient, at the updated atoms."""
        plus: Array | float = 0.0
        minus: Array | float = 0.0
        for density in self.densities:
            more, less = gradient_parts(density, self.public(values))
            more, less = (self.public(np.asarray(part, dtype=values.dtype))[self.rows] for part in (more, less))
            # The first is taken as it is: it may be as large as all activations.
            plus, minus = (more, less) if np.ndim(plus) == 0 else (plus + more, minus + less)
        return plus, minus

    def assign(self, updated: Array) -> None:
        """Take new values for the updated atoms, then project."""
        self.values[self.rows] = updated
        if self.project is None:
            return
        projected = np.asarray(self.project(self.public(self.values)), dtype=self.values.dtype)
        # Projections come from anywhere: none of them changes frozen atoms, or what lies outside the support.
        self.values[self.rows] = self.public(projected)[self.rows]
        if self.support is not None:
            self.values *= self.support


class Model:
    """Data and factors, with the passes over the data that every solver needs.

    Parameters
    ----------
    V : np.ndarray [shape=(bins, frames)]
        Nonnegative data in any memory order; it is read in blocks of frames and never copied.
    templates, activations : Factor
        The factors, of the dtype of ``V``.
    beta : float
        The divergence to lower.
    added_epsilon : float
        Added to the denominators of multiplicative updates.
    """

    def __init__(
        self, V: Array, templates: Factor, activations: Factor, *, beta: float, added_epsilon: float = 0.0
    ) -> None:
        self.data = V.T
        self.templates = templates
        self.activations = activations
        self.beta = beta
        self.added_epsilon = added_epsilon
        self.floor = data_floor(V)
        self.free_factors = [factor for factor in (activations, templates) if not factor.is_fixed]
        self._constant_correlation: Array | None = None
        self.blocks, self._cost_blocks = self._cut(V.shape)
        shape = (self.blocks[0].frames.stop, V.shape[0])
        # Scratch in the data's own memory order: elementwise work on mixed orders is several times slower.
        self._order: Literal["C", "F"] = "C" if abs(self.data.strides[1]) <= abs(self.data.strides[0]) else "F"
        needed = 1 if beta in (1, 2) else 2
        self._scratch = [np.empty(shape, dtype=V.dtype, order=self._order) for _ in range(needed)]

    def _cut(self, shape: tuple[int, ...]) -> tuple[list[ActiveBlock], list[ActiveBlock]]:
        """The blocks of passes over the data, and those of the cost."""
        if self.activations.support is None:
            return whole_blocks(shape, PASS_ELEMENTS), whole_blocks(shape, COST_ELEMENTS)
        # The shorter a run of frames, the fewer atoms sound in it.
        blocks = active_blocks(shape, CACHE_ELEMENTS, self.activations.support)
        return blocks, blocks

    def sounding(self, H: Array, block: ActiveBlock) -> Array:
        """The activations that the block's templates are multiplied with [shape=(rows of templates, frames)]."""
        return H[block.atoms, block.frames]

    def other(self, factor: Factor) -> Factor:
        """The factor that ``factor`` is multiplied with."""
        return self.activations if factor is self.templates else self.templates

    def cost(self) -> float:
        """Divergence of the model from the data plus the penalties of all priors."""
        W, H = self.templates.values, self.activations.values
        divergence = 0.0
        for block in large.paced(self._cost_blocks):
            v = self.data[block.frames]
            model = np.empty(v.shape, dtype=v.dtype, order=self._order)
            np.matmul(self.sounding(H, block).T, W[block.atoms], out=model)
            divergence += block_divergence(v, model, self.beta, self.floor)
        return divergence + self.templates.penalty(W) + self.activations.penalty(H)

    def correlation(self, factor: Factor) -> Array:
        """Data times the other factor: V H^T or W^T V, one updated atom of ``factor`` a row."""
        if self._constant_correlation is not None:
            return self._constant_correlation
        result = large.zeros(factor.values[factor.rows].shape, factor.values.dtype)
        for block in large.paced(self.blocks):
            self._add_products(result, factor, block, self.data[block.frames])
        if self.other(factor).is_fixed:
            self._constant_correlation = result
        return result

    def cost_from_products(self, factor: Factor, correlation: Array, gram: Array) -> float:
        """`cost` for ``beta=2`` without priors, from products that the update of ``factor`` has made anyway.

        Parameters
        ----------
        factor : Factor
            Either factor, all of its atoms free.
        correlation : np.ndarray [shape=(atoms, length)]
            Its `correlation`.
        gram : np.ndarray [shape=(atoms, atoms)]
            Inner products of the other factor's atoms.

        Returns
        -------
        float
            The cost at the current values.
        """
        values = factor.values.astype(np.float64)
        # ½‖V - WH‖² = ½ (‖V‖² - 2⟨WᵀV, H⟩ + ⟨WᵀW, HHᵀ⟩)
        explained = inner(values @ values.T, gram) - 2.0 * inner(values, correlation)
        cost = 0.5 * (self.energy + explained)
        # A difference of large numbers: near a perfect fit only the residual itself tells.
        return cost if cost > 1e3 * float(np.finfo(correlation.dtype).eps) * self.energy else self.cost()

    @cached_property
    def energy(self) -> float:
        """Squared norm of the data."""
        blocks = (self.data[block].astype(np.float64) for block in frame_blocks(self.data.T.shape, CACHE_ELEMENTS))
        return sum(float(np.vdot(block, block)) for block in blocks)

    def gradient_parts(self, factor: Factor, start: Array) -> tuple[Array, Array]:
        """Negative and positive part of the divergence's gradient in ``factor``, taken at ``start``.

        For the activations these are W^T (V ⊙ (WH)^(β-2)) and W^T (WH)^(β-1); for the templates likewise.

        Parameters
        ----------
        factor : Factor
            Which factor.
        start : np.ndarray [shape=(atoms, length)]
            The values of ``factor`` at which to take the gradient.

        Returns
        -------
        tuple of np.ndarray
            Numerator and denominator of the multiplicative update, one updated atom a row; the denominator may have
            length 1 where it does not depend on the position.
        """
        other = self.other(factor).values
        if self.beta == 2:
            # WᵀV and WᵀWH
            gram = (other @ other.T)[factor.rows]
            explained = np.matmul(gram, start, out=large.empty((len(gram), start.shape[1]), start.dtype))
            return self.correlation(factor), explained
        numerator = large.zeros(start[factor.rows].shape, start.dtype)
        if self.beta == 1:
            # Wᵀ1: the same in every frame.
            denominator = other[factor.rows].sum(axis=1, dtype=np.float64, keepdims=True).astype(start.dtype)
        else:
            denominator = large.zeros(numerator.shape, numerator.dtype)
        W, H = (start, other) if factor is self.templates else (other, start)
        for block in large.paced(self.blocks):
            weights = self.derivative_weights(W[block.atoms], self.sounding(H, block), self.data[block.frames])
            # Wᵀ(V ⊙ (WH)^(β-2)) and Wᵀ(WH)^(β-1), block by block.
            for part, weight in zip((numerator, denominator), weights, strict=False):
                self._add_products(part, factor, block, weight)
        return numerator, denominator

    def _add_products(self, products: Array, factor: Factor, block: ActiveBlock, weight: Array) -> None:
        """Add to `products` those of the other factor with one block of frames, for the atoms that sound in it."""
        other, (atoms, rows) = self.other(factor).values, block.updated(factor.rows)
        if factor is self.templates:
            products[rows] += other[atoms, block.frames] @ weight
        elif isinstance(rows, slice):
            np.matmul(other[atoms], weight.T, out=products[:, block.frames])
        else:
            products[rows, block.frames] = other[atoms] @ weight.T

    def derivative_weights(self, W: Array, H: Array, v: Array) -> tuple[Array, ...]:
        """V ⊙ (WH)^(β-2) and, unless it is all ones, (WH)^(β-1) of one block, in the scratch."""
        model, *rest = (scratch[: v.shape[0]] for scratch in self._scratch)
        np.matmul(H.T, W, out=model)
        if self.beta == 2:
            return v, model
        np.maximum(model, self.floor, out=model)
        if self.beta == 1:
            return (np.divide(v, model, out=model),)
        power = _power(model, self.beta - 1.0, out=rest[0])
        np.divide(np.maximum(v, self.floor) if self.beta <= 0 else v, model, out=model)
        model *= power
        return model, power


def _power(x: Array, exponent: float, out: Array) -> Array:
    """``x ** exponent``, an order faster than the general power for the exponents in use."""
    if abs(exponent) == 0.5:
        np.sqrt(x, out=out)
    elif abs(exponent) == 1.0:
        np.copyto(out, x)
    elif exponent == 2.0:
        return np.square(x, out=out)
    else:
        return np.power(x, exponent, out=out)
    return np.reciprocal(out, out=out) if exponent < 0 else out
