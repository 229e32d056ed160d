"""What labels make of a factorisation: atoms that belong to sources.

Atoms are found first as if nothing were known, and then given to the sources by what the labels say of them
(`sepkit_nmf.ownership`). From there the factorisation goes on, with the atoms of every source silent where that is:
where one sounds alone, its templates alone are left to learn, as in semi-supervised separation.

References
----------
Smaragdis, Raj and Shashanka, "Supervised and semi-supervised separation of sounds from single-channel mixtures", ICA
2007.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom, Layout
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit_nmf.factorization import factorize
from sepkit_nmf.grouping import RANK_PER_SOURCE
from sepkit_nmf.initialize import random_init
from sepkit_nmf.ownership import group_by_labels

Array = NDArray[np.floating]

_APART = 1e-3
"""Of all that sounds: while less than that does, two sources are not told apart."""


def labelled_sources(problem: Problem) -> tuple[str, ...]:
    """Whom the labels are about.

    Raises
    ------
    SideInformationError
        If it is one alone, and no other sources are named.
    """
    told = tuple(dict.fromkeys(label.source for label in problem.side_information.all_labels))
    if len(told) == 1 and not problem.sources:
        raise SideInformationError(
            f"the labels are about '{told[0]}' alone; name what else sounds, as in --sources '{told[0]},rest'"
        )
    return told


def owners_of_atoms(
    sources: Sequence[str], told: Collection[str], rank: int | None, *, apart: bool
) -> tuple[str | None, ...]:
    """The source of every atom: as many for each, those of several sources without labels to be grouped later.

    Parameters
    ----------
    sources : sequence of str
    told : collection of str
        Those with labels.
    rank : int, optional
        Atoms of each source.
    apart : bool
        Whether every source needs atoms of its own from the start.
    """
    each, untold = rank or RANK_PER_SOURCE, sum(source not in told for source in sources)
    pooled = untold > 1 and not apart
    return tuple(source if source in told or not pooled else None for source in sources for _ in range(each))


class Stopping(Protocol):
    """Options of a factorisation."""

    beta: float
    iterations: int
    tolerance: float


def labelled_factors(
    V: Array,
    problem: Problem,
    layout: Layout,
    sources: Sequence[str],
    run: Run,
    options: Stopping,
    *,
    solver: str,
    rank: int | None,
) -> tuple[Array, Array, tuple[str, ...]]:
    """Atoms that are found as if nothing were known, and the sources to which labels bring them.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    problem : Problem
        With labels.
    layout : Layout
        With bins and frames.
    sources : sequence of str
    run : Run
    options : Stopping
    solver : str
        As of `factorize`.
    rank : int, optional
        Atoms for each source.

    Returns
    -------
    W : ndarray [shape=(bins, atoms)]
    H : ndarray [shape=(atoms, frames)]
    owners : tuple of str
        The source of every atom; every source has one.
    """
    W, H = random_init(V, (rank or RANK_PER_SOURCE) * len(sources), run.rng)
    fit = factorize(
        V,
        W,
        H,
        beta=options.beta,
        solver=solver,
        max_iterations=options.iterations,
        tolerance=options.tolerance,
        steps=partial(run.steps, stage="find atoms"),
    )
    sounding = sounding_sources(problem, sources, layout)
    _remark_on_whom_nothing_tells_apart(V, sounding, problem, sources, run)
    owners = group_by_labels(fit.W, fit.H, sounding, problem.side_information.all_labels, sources, layout)
    return fit.W, fit.H, tuple(sources[index] for index in owners)


def sounding_sources(problem: Problem, sources: Sequence[str], layout: Layout) -> NDArray[np.bool_]:
    """When each source may sound, after all that is said of activations [shape=(sources, frames)]."""
    one_each = problem.layout(
        atoms=tuple(map(Atom, sources)), bins_hz=layout.bins_hz, frames_s=layout.frames_s, sources=tuple(sources)
    )
    support = problem.bind_constraints(one_each, Domain.ACTIVATIONS).support()
    return np.ones(one_each.shape(Domain.ACTIVATIONS), bool) if support is None else support


def _remark_on_whom_nothing_tells_apart(
    V: Array, sounding: NDArray[np.bool_], problem: Problem, sources: Sequence[str], run: Run
) -> None:
    boxed = {label.source for label in problem.side_information.all_labels if not label.is_span}
    levels = V.sum(axis=0, dtype=np.float64)
    for (one, when), (other, at_once) in combinations(zip(sources, sounding, strict=True), 2):
        if levels[when != at_once].sum() <= _APART * levels.sum() and not boxed & {one, other}:
            run.remark(
                f"by the labels '{one}' and '{other}' sound at the same times, so which of the two stems is whose is a "
                "guess: mark where one of them rests, or a box"
            )
