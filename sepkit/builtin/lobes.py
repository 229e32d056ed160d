"""A statement about the shape of partials: a steady partial shows as the main lobe of the window, and is as narrow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

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
        columns: dict[float, list[int]] = {}
        for column, atom in enumerate(layout.atoms):
            if atom.pitch is not None and not atom.transient:
                columns.setdefault(atom.pitch, []).append(column)
        partials: list[_Partial] = []
        for pitch, alike in columns.items():
            number, height = partial_lobes(layout.bins_hz, pitch, cents=self.cents, inharmonicity=self.inharmonicity)
            for m in np.unique(number[height > 0]):
                lobe = np.flatnonzero((number == m) & (height > 0))
                partials.append(_Partial(np.array(alike), lobe, height[lobe] / height[lobe].sum()))
        bins, atoms = layout.shape(Domain.TEMPLATES)
        tables = _tables(partials, bins, atoms)
        return _LobesOfPartials(self.weight, tables, _place(tables, bins * atoms), *_owners(tables, bins, atoms))


class _Partial(NamedTuple):
    """The same partial of all atoms of one pitch: the atoms, the bins of its lobe, and the lobe, which sums to one."""

    atoms: NDArray[np.intp]
    bins: NDArray[np.intp]
    lobe: NDArray[np.float64]


class _Table(NamedTuple):
    """Partials whose lobes are about as wide as each other.

    Attributes
    ----------
    elements : ndarray [shape=(partials, width)]
        Places in the templates, flattened atom by atom; filled up with the number of all elements.
    lobes : ndarray [shape=(partials, width)]
        Filled up with zeros.
    """

    elements: NDArray[np.intp]
    lobes: NDArray[np.float64]


def _tables(partials: list[_Partial], bins: int, atoms: int) -> tuple[_Table, ...]:
    # High partials have lobes many times as wide as low ones have: one table of all would mostly be filling.
    by_width: dict[int, list[_Partial]] = {}
    for partial in partials:
        by_width.setdefault(len(partial.bins).bit_length(), []).append(partial)
    tables = []
    for alike in by_width.values():
        shape = (sum(len(partial.atoms) for partial in alike), max(len(partial.bins) for partial in alike))
        elements, lobes = np.full(shape, bins * atoms), np.zeros(shape)
        row = 0
        for atoms_, bins_, lobe in alike:
            rows = slice(row, row + len(atoms_))
            elements[rows, : len(bins_)] = bins_ + bins * atoms_[:, np.newaxis]
            lobes[rows, : len(bins_)] = lobe
            row = rows.stop
        tables.append(_Table(elements, lobes))
    return tuple(tables)


def _place(tables: tuple[_Table, ...], size: int) -> NDArray[np.intp]:
    """Where every element is in the flattened tables, or else their size."""
    flat = np.concatenate([np.zeros(0, np.intp), *(table.elements.ravel() for table in tables)])
    place = np.full(size + 1, len(flat))
    place[flat] = np.arange(len(flat))
    return place[:-1]


def _owners(tables: tuple[_Table, ...], bins: int, atoms: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The atom of every partial, and the partials of every atom, filled up with the number of partials."""
    atom = np.concatenate([np.zeros(0, np.intp), *(table.elements[:, 0] // bins for table in tables)])
    counts = np.bincount(atom, minlength=atoms)
    partials = np.full((atoms, counts.max()), len(atom))
    order = np.argsort(atom, kind="stable")
    partials[atom[order], np.arange(len(atom)) - np.repeat(np.cumsum(counts) - counts, counts)] = order
    return atom, partials


@dataclass(frozen=True, eq=False)
class _LobesOfPartials:
    """``-weight * sum_p a_p KL(lobe_p | w_p / sum(w_p))``, ``a_p`` being partial p's share of its template's partials.

    A share too small to be inverted counts as the least that can be.

    Attributes
    ----------
    weight : float
    tables : tuple of _Table
        All partials, one table after the other.
    place : ndarray [shape=(atoms * bins,)]
    atom : ndarray [shape=(partials,)]
    partials : ndarray [shape=(atoms, partials)]
        See `_place` and `_owners`.
    """

    weight: float
    tables: tuple[_Table, ...]
    place: NDArray[np.intp]
    atom: NDArray[np.intp]
    partials: NDArray[np.intp]

    def log_prob(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        _, sums, misfits = self._compared(xp, value)
        _, mean = self._of_atoms(xp, sums, misfits)
        return -self.weight * xp.sum(mean)

    def gradient(self, value: Any) -> Any:
        plus, minus = self.split_gradient(value)
        return minus - plus

    def split_gradient(self, value: Any) -> tuple[Any, Any]:
        xp = array_api_compat.array_namespace(value)
        compared, sums, misfits = self._compared(xp, value)
        totals, mean = self._of_atoms(xp, sums, misfits)
        atom = xp.asarray(self.atom, device=array_api_compat.device(value))
        scale, mean = (xp.take(each, atom, axis=0) for each in (self.weight / totals, mean))
        plus, minus = [], []
        row = 0
        least = _least(xp, value)
        for lobes, share in compared:
            rows = slice(row, row + lobes.shape[0])
            row = rows.stop
            inverted = lobes * xp.astype(share > least, value.dtype)
            pull = xp.sum(inverted, axis=1) + misfits[rows]
            plus.append(xp.broadcast_to((scale[rows] * pull)[:, None], lobes.shape))
            minus.append(scale[rows][:, None] * (inverted / xp.clip(share, least, None) + mean[rows][:, None]))
        return self._back(xp, plus, value), self._back(xp, minus, value)

    def _compared(self, xp: Any, value: Any) -> tuple[list[tuple[Any, Any]], Any, Any]:
        """Lobes and every element's share of its partial in each table; sum and divergence of every partial."""
        filled = _filled(xp, [xp.permute_dims(value, (1, 0))])
        compared, sums, misfits = [], [filled[:0]], [filled[:0]]
        for table in self.tables:
            lobes = xp.asarray(table.lobes, dtype=value.dtype, device=array_api_compat.device(value))
            share = _at(xp, filled, table.elements)
            total = xp.sum(share, axis=1)
            share = share / xp.where(total > 0, total, xp.ones_like(total))[:, None]
            ratio = xp.where(lobes > 0, lobes, xp.ones_like(lobes)) / xp.clip(share, _least(xp, value), None)
            compared.append((lobes, share))
            sums.append(total)
            misfits.append(xp.sum(lobes * xp.log(ratio), axis=1))
        return compared, xp.concat(sums), xp.concat(misfits)

    def _of_atoms(self, xp: Any, sums: Any, misfits: Any) -> tuple[Any, Any]:
        """What all partials of an atom sum up to, or else one; and the mean of their divergences."""
        totals, weighed = (
            xp.sum(_at(xp, _filled(xp, [each]), self.partials), axis=1) for each in (sums, sums * misfits)
        )
        totals = xp.where(totals > 0, totals, xp.ones_like(totals))
        return totals, weighed / totals

    def _back(self, xp: Any, tables: list[Any], value: Any) -> Any:
        """What the tables hold, where it belongs in the templates; zero in all other bins."""
        flat = _at(xp, _filled(xp, [*tables, value[:0, 0]]), self.place)
        return xp.permute_dims(xp.reshape(flat, value.shape[::-1]), (1, 0))


def _filled(xp: Any, arrays: list[Any]) -> Any:
    """All values one after the other, and then a zero."""
    zero = xp.zeros(1, dtype=arrays[0].dtype, device=array_api_compat.device(arrays[0]))
    return xp.concat([*(xp.reshape(values, (-1,)) for values in arrays), zero])


def _at(xp: Any, values: Any, places: NDArray[np.intp]) -> Any:
    flat = xp.asarray(places.ravel(), device=array_api_compat.device(values))
    return xp.reshape(xp.take(values, flat, axis=0), places.shape)


def _least(xp: Any, value: Any) -> float:
    """The least share that is distinguished from zero."""
    return math.sqrt(xp.finfo(value.dtype).smallest_normal)
