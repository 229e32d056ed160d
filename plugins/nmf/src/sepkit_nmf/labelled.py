"""What labels make of a factorisation: atoms that belong to sources, learned where these sound alone.

References
----------
Smaragdis, Raj and Shashanka, "Supervised and semi-supervised separation of sounds from single-channel mixtures", ICA
2007.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom
from sepkit.problem.problem import Problem
from sepkit_nmf.grouping import RANK_PER_SOURCE


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


def frames_alone(problem: Problem, owners: Sequence[str | None], **axes: Any) -> dict[str, NDArray[np.bool_]]:
    """In which frames each source is the only one that may sound, after all that is said of activations.

    Parameters
    ----------
    problem : Problem
    owners : sequence of str or None
        The source of every atom.
    **axes : ndarray
        ``bins_hz`` and ``frames_s``.
    """
    distinct = tuple(dict.fromkeys(owners))
    layout = problem.layout(atoms=tuple(map(Atom, distinct)), **axes)
    support = problem.bind_constraints(layout, Domain.ACTIVATIONS).support()
    if support is None:
        return {}
    alone = zip(distinct, support & (support.sum(axis=0) == 1), strict=True)
    return {source: frames for source, frames in alone if source is not None and frames.any()}
