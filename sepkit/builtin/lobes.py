"""A statement about the shape of partials: a steady partial shows as the main lobe of the window, and is as narrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sepkit.builtin.harmonic import without_pitches
from sepkit.informed.harmonics import partial_lobes
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior


class Lobes(Prior):
    """Around each partial, templates of pitched atoms resemble the main lobe of a Hann window.

    A Dirichlet density around that shape for every partial, weighed by the partial's share of its template: how strong
    the partials are is left open, and so is the scale of a template. What two close partials of different atoms share
    then goes by where it lies. Bins away from all partials, atoms without a pitch, and those of transients, may be
    anything.

    References
    ----------
    Cemgil, "Bayesian inference for nonnegative matrix factorisation models", 2009 (the pull).
    Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", 1978 (the lobe).
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.TEMPLATES})

    weight: float = Field(
        default=3000.0,
        ge=0,
        description="Concentration: how many observations of mean size a template's lobes are worth.",
    )
    cents: float = Field(
        default=50.0, gt=0, le=600, description="How far from a partial a lobe may reach, in cents, at least two bins."
    )
    inharmonicity: float = Field(
        default=0.0,
        ge=0,
        le=0.01,
        description="Stiffness B of the strings: partial m lies at m f0 sqrt(1 + B m²). Pianos: 0.0001 to 0.001.",
    )

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        return without_pitches(layout)

    def bind(self, layout: Layout, domain: Domain) -> Density:
        assert layout.atoms is not None
        assert layout.bins_hz is not None
        bins, atoms = layout.shape(Domain.TEMPLATES)
        columns: dict[float, list[int]] = {}
        for column, atom in enumerate(layout.atoms):
            if atom.pitch is not None and not atom.transient:
                columns.setdefault(atom.pitch, []).append(column)
        lobes = np.zeros((bins, atoms))
        members: list[NDArray[np.intp]] = []
        for pitch, alike in columns.items():
            number, height = partial_lobes(layout.bins_hz, pitch, cents=self.cents, inharmonicity=self.inharmonicity)
            for m in np.unique(number[height > 0]):
                lobe = np.flatnonzero((number == m) & (height > 0))
                lobes[lobe[:, np.newaxis], alike] = (height[lobe] / height[lobe].sum())[:, np.newaxis]
                members.append(lobe * atoms + np.array(alike)[:, np.newaxis])
        return _LobesOfPartials(self.weight, lobes, *_table(members, lobes.size))


def _table(members: list[NDArray[np.intp]], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The elements of every partial, filled up with `size`; the partial of every element, or else their number.

    Every one of `members` has a partial of every atom of one pitch [shape=(partials, elements)].
    """
    partials = sum(map(len, members))
    rows = np.full((partials, max((elements.shape[1] for elements in members), default=1)), size)
    partial = np.full(size, partials)
    number = 0
    for elements in members:
        numbers = np.arange(number, number + len(elements))
        rows[numbers, : elements.shape[1]] = elements
        partial[elements] = numbers[:, np.newaxis]
        number += len(elements)
    return rows, partial


@dataclass(frozen=True, eq=False)
class _LobesOfPartials:
    """``-weight * sum_p a_p KL(lobe_p | w_p / sum(w_p))``, ``a_p`` being partial p's share of its template's partials.

    A share too small to be inverted counts as the least that can be.

    Attributes
    ----------
    weight : float
    lobes : ndarray [shape=(bins, atoms)]
        Sum one in every partial.
    rows, partial : ndarray [shape=(partials, elements)], [shape=(bins * atoms,)]
        See `_table`.
    """

    weight: float
    lobes: NDArray[np.float64]
    rows: NDArray[np.intp]
    partial: NDArray[np.intp]

    def log_prob(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        lobes = xp.asarray(self.lobes, dtype=value.dtype, device=array_api_compat.device(value))
        parts, _ = _parts(xp, value, lobes)
        return -self.weight * xp.sum(parts * self._misfit(xp, lobes, *self._shares(xp, value)))

    def gradient(self, value: Any) -> Any:
        plus, minus = self.split_gradient(value)
        return minus - plus

    def split_gradient(self, value: Any) -> tuple[Any, Any]:
        xp = array_api_compat.array_namespace(value)
        lobes = xp.asarray(self.lobes, dtype=value.dtype, device=array_api_compat.device(value))
        parts, totals = _parts(xp, value, lobes)
        share, least = self._shares(xp, value)
        misfit = self._misfit(xp, lobes, share, least)
        inverted = lobes * xp.astype(share > least, value.dtype)
        scale = self.weight / totals * xp.astype(lobes > 0, value.dtype)
        plus = scale * (self._within(xp, inverted) + misfit)
        return plus, scale * (inverted / xp.clip(share, least, None) + xp.sum(parts * misfit, axis=0, keepdims=True))

    def _shares(self, xp: Any, value: Any) -> tuple[Any, float]:
        """Every bin's share of its partial, and the least share that is distinguished from zero."""
        sums = self._within(xp, value)
        share = value / xp.where(sums > 0, sums, xp.ones_like(sums))
        return share, float(xp.finfo(value.dtype).smallest_normal) ** 0.5

    def _misfit(self, xp: Any, lobes: Any, share: Any, least: float) -> Any:
        """How far a partial is from its lobe, in every bin of the partial: the Kullback-Leibler divergence."""
        ratio = xp.where(lobes > 0, lobes, xp.ones_like(lobes)) / xp.clip(share, least, None)
        return self._within(xp, lobes * xp.log(ratio))

    def _within(self, xp: Any, elements: Any) -> Any:
        """The sum over its partial, in every element of it; zero in the others."""
        device = array_api_compat.device(elements)
        rows, partial = xp.asarray(self.rows, device=device), xp.asarray(self.partial, device=device)
        nothing = xp.zeros(1, dtype=elements.dtype, device=device)
        filled = xp.concat([xp.reshape(elements, (-1,)), nothing])
        sums = xp.sum(xp.reshape(xp.take(filled, xp.reshape(rows, (-1,)), axis=0), rows.shape), axis=1)
        return xp.reshape(xp.take(xp.concat([sums, nothing]), partial, axis=0), elements.shape)


def _parts(xp: Any, value: Any, lobes: Any) -> tuple[Any, Any]:
    """What every element has of all lobes of its template, and the sums of those."""
    inside = value * xp.astype(lobes > 0, value.dtype)
    totals = xp.sum(inside, axis=0, keepdims=True)
    totals = xp.where(totals > 0, totals, xp.ones_like(totals))
    return inside / totals, totals
