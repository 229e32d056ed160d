"""Extrapolated multiplicative updates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sepkit import large
from sepkit_nmf.divergence import CACHE_ELEMENTS, Array, frame_blocks
from sepkit_nmf.model import Factor, Model
from sepkit_nmf.mu import MultiplicativeUpdates, multiplicative_step

# An extrapolated value is at least this fraction of the current one: what multiplicative updates took down near zero
# they could hardly raise again.
MIN_FRACTION = 0.95


@dataclass
class Momentum:
    """Nesterov's sequence and the values before the last update of one factor."""

    previous: Array
    t: float = 1.0

    def extrapolate(self, values: Array) -> Array | None:
        """Continue the last update; None on the sequence's first step."""
        # t⁺ = (1 + √(1 + 4t²)) / 2, and Ĥ = max(H + (t - 1)/t⁺ · (H - H⁻), 0.95 H).
        t, self.t = self.t, (1.0 + (1.0 + 4.0 * self.t**2) ** 0.5) / 2.0
        if t == 1.0:
            return None
        start = large.empty(values.shape, values.dtype)
        for block in frame_blocks(values.shape, CACHE_ELEMENTS):
            ahead = np.subtract(values[:, block], self.previous[:, block], out=start[:, block])
            ahead *= (t - 1.0) / self.t
            ahead += values[:, block]
            np.maximum(ahead, MIN_FRACTION * values[:, block], out=ahead)
        return start


class ExtrapolatedUpdates(MultiplicativeUpdates):
    """Multiplicative updates taken from extrapolated values, for beta in [1, 2] [1]_.

    Unlike there, decreases are continued too, with caution. A factor whose extrapolated step is not provably a descent
    takes the plain step instead and starts its momentum anew, so the cost never rises.

    References
    ----------
    .. [1] L. T. K. Hien, V. Leplat and N. Gillis, "Block majorization minimization with extrapolation and application
       to beta-NMF", 2024.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self._momentum = {id(factor): Momentum(large.copied(factor.values)) for factor in model.free_factors}

    def update(self, factor: Factor) -> None:
        """Lower the cost in one factor."""
        momentum = self._momentum[id(factor)]
        start = momentum.extrapolate(factor.values)
        updated = None if start is None else multiplicative_step(self.model, factor, start)
        if updated is None:
            momentum.t = (1.0 + 5.0**0.5) / 2.0
            updated = multiplicative_step(self.model, factor, factor.values)
        np.copyto(momentum.previous, factor.values)
        if updated is not None:
            factor.assign(updated)
