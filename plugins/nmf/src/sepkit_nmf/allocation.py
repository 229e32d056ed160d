"""Sources that share the data out among them under constraints: posterior regularisation of a factorisation.

Each source has atoms of its own. The E-step gives every source its part of each value of the data, in proportion to the
constrained models of all; the M-step lowers the divergence of every source's own model from its part. Where the
constraints ask for nothing, that is the factorisation of the whole.

References
----------
Bryan and Mysore, "An efficient posterior regularized latent variable model for interactive sound source separation",
ICML 2013: for the Kullback-Leibler divergence, which never rises; for others the same two steps are a heuristic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.problem.constraint import BoundConstraints, Pointwise
from sepkit_nmf.divergence import Array, block_divergence, frame_blocks
from sepkit_nmf.model import PASS_ELEMENTS, Factor, Model

Members = Mapping[str, NDArray[np.intp]]


@dataclass(frozen=True)
class Allocation:
    """Who owns which atoms, and what is asked of the spectrograms of all.

    Attributes
    ----------
    members : mapping of str to ndarray
        The atoms of every source; every atom belongs to one.
    constraints : BoundConstraints
        On spectrograms, in the order of these sources.
    """

    members: Members
    constraints: BoundConstraints

    def blocks(self, shape: tuple[int, ...]) -> Iterator[tuple[slice, BoundConstraints]]:
        """Runs of frames of a matrix of this shape, with the constraints on each; one, where they need to see all."""
        projections = self.constraints.projections
        if not all(isinstance(projection, Pointwise) for _, projection in projections):
            yield slice(0, shape[1]), self.constraints
            return
        for block in frame_blocks(shape, PASS_ELEMENTS // len(self.members)):
            parts = ((label, one.part(block)) for label, one in projections if isinstance(one, Pointwise))
            yield block, BoundConstraints(tuple(parts))

    def magnitudes(self, W: Array, H: Array) -> Array:
        """The unconstrained model of every source [shape=(sources, bins, frames)], templates held one a row."""
        return np.stack([W[atoms].T @ H[atoms] for atoms in self.members.values()])


class AllocatedModel(Model):
    """Data of which every source explains its own part, for multiplicative updates.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    templates, activations : Factor
    allocation : Allocation
    **more
        As of `Model`.
    """

    def __init__(self, V: Array, templates: Factor, activations: Factor, allocation: Allocation, **more: Any) -> None:
        super().__init__(V, templates, activations, **more)
        self.allocation = allocation

    def cost(self) -> float:
        """Divergences of all sources' models from their parts of the data, plus the penalties of all priors."""
        W, H = self.templates.values, self.activations.values
        divergence = sum(
            block_divergence(part, model, self.beta, self.floor)
            for _, parts, models in self._expectations(W, H)
            for part, model in zip(parts, models, strict=True)
        )
        return divergence + self.templates.penalty(W) + self.activations.penalty(H)

    def gradient_parts(self, factor: Factor, start: Array) -> tuple[Array, Array]:
        other = self.other(factor).values
        W, H = (start, other) if factor is self.templates else (other, start)
        numerator, denominator = (large.zeros(start.shape, start.dtype) for _ in range(2))
        for block, parts, models in self._expectations(W, H):
            for atoms, part, model in zip(self.allocation.members.values(), parts, models, strict=True):
                for total, weight in zip((numerator, denominator), self._weights(part, model), strict=False):
                    if factor is self.templates:
                        total[atoms] += H[atoms, block] @ weight.T
                    else:
                        total[atoms, block] = W[atoms] @ weight
        if self.beta == 1:
            # Wᵀ1: the same in every frame.
            denominator = other.sum(axis=1, dtype=np.float64, keepdims=True).astype(start.dtype)
        return numerator[factor.rows], denominator[factor.rows]

    def _weights(self, part: Array, model: Array) -> tuple[Array, ...]:
        """V_s ⊙ (W_s H_s)^(β-2) and, unless it is all ones, (W_s H_s)^(β-1)."""
        np.maximum(model, self.floor, out=model)
        if self.beta == 1:
            return (np.divide(part, model, out=part),)
        power = model ** model.dtype.type(self.beta - 1)
        return (np.maximum(part, self.floor) if self.beta <= 0 else part) / model * power, power

    def _expectations(self, W: Array, H: Array) -> Iterator[tuple[slice, Array, Array]]:
        """The E-step, block by block: every source's part of the data, and its model."""
        for block, constraints in self.allocation.blocks(self.data.T.shape):
            models = self.allocation.magnitudes(W, H[:, block])
            allowed = np.asarray(constraints.project(models), models.dtype)
            total = allowed.sum(axis=0)
            parts = np.divide(allowed, total, out=np.zeros_like(allowed), where=total > 0)
            parts *= self.data[block].T
            yield block, parts, models
