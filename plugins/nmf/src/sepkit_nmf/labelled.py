"""What labels make of a factorisation: atoms that belong to sources.

Atoms are found first as if nothing were known. They are grouped by their spectral envelopes, as in blind separation, by
the envelope of what is heard where a source sounds alone, and by where they sound: an atom that goes on while a source
rests is hardly that source's, and one that sounds in the few places where a source does is likely to be. From there the
factorisation goes on, with the atoms of every source silent where that is: where one sounds alone, its templates alone
are left to learn, as in semi-supervised separation.

References
----------
Smaragdis, Raj and Shashanka, "Supervised and semi-supervised separation of sounds from single-channel mixtures", ICA
2007.
Spiertz and Gnann, "Source-filter based clustering for monaural blind source separation", DAFx 2009.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sepkit.builtin.notes import frames_within
from sepkit.errors import SideInformationError
from sepkit.music.labels import Label
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom, Layout
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit_nmf.factorization import factorize
from sepkit_nmf.grouping import RANK_PER_SOURCE, envelope_cepstra, group_atoms
from sepkit_nmf.initialize import random_init

Array = NDArray[np.floating]

_AT_REST = 0.05
"""How much less likely an atom is to sound while its source rests than while it does not: ears and labels err."""
_DOUBT = 0.05
"""Of a label at 100 %."""
_ROUNDS = 100


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
    owners = group_by_labels(fit.W, fit.H, sounding, problem.side_information.all_labels, sources, layout)
    return fit.W, fit.H, tuple(sources[index] for index in owners)


def group_by_labels(
    W: Array,
    H: Array,
    sounding: NDArray[np.bool_],
    labels: Collection[Label],
    sources: Sequence[str],
    layout: Layout,
) -> NDArray[np.intp]:
    """The source of every atom of a blind factorisation.

    Parameters
    ----------
    W : ndarray [shape=(bins, atoms)]
    H : ndarray [shape=(atoms, frames)]
    sounding : ndarray [shape=(sources, frames)]
        When each source may sound.
    labels : collection of Label
    sources : sequence of str
        At most as many as there are atoms.
    layout : Layout
        With bins and frames.

    Returns
    -------
    owners : ndarray [shape=(atoms,)]
        Indices of sources.
    """
    from scipy.optimize import linear_sum_assignment

    assert layout.bins_hz is not None
    heights = W.sum(axis=0, dtype=np.float64)
    of_atoms = heights * H.sum(axis=1, dtype=np.float64)
    evidence = _evidence_of_spans(heights, H, sounding)
    evidence += _evidence_of_boxes(W, H, labels, sources, layout)
    groups = group_atoms(W, H, len(sources), bins_hz=layout.bins_hz)
    found = np.stack([of_atoms[group] @ evidence[group] for group in groups])
    owner = np.zeros(len(of_atoms), np.intp)
    for group, source in zip(*linear_sum_assignment(found, maximize=True), strict=True):
        owner[groups[group]] = source
    points = envelope_cepstra(W, layout.bins_hz)
    seeds, weights = _seeds(W, heights, H, sounding, layout.bins_hz)
    for _ in range(_ROUNDS):
        centres = _centres(points, np.sqrt(of_atoms), owner, seeds, weights)
        nearest = (np.square(points[:, np.newaxis] - centres).sum(axis=2) - evidence).argmin(axis=1)
        if len(np.unique(nearest)) < len(sources) or (nearest == owner).all():
            break
        owner = nearest
    return owner


def sounding_sources(problem: Problem, sources: Sequence[str], layout: Layout) -> NDArray[np.bool_]:
    """When each source may sound, after all that is said of activations [shape=(sources, frames)]."""
    one_each = problem.layout(
        atoms=tuple(map(Atom, sources)), bins_hz=layout.bins_hz, frames_s=layout.frames_s, sources=tuple(sources)
    )
    support = problem.bind_constraints(one_each, Domain.ACTIVATIONS).support()
    return np.ones(one_each.shape(Domain.ACTIVATIONS), bool) if support is None else support


def _evidence_of_spans(heights: Array, H: Array, sounding: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean log likelihood of where an atom's energy lies, were it this source's [shape=(atoms, sources)]."""
    least = np.finfo(np.float64).tiny
    total = heights.astype(H.dtype) @ H
    part = np.array([total[frames].sum(dtype=np.float64) for frames in sounding]) / max(float(total.sum()), least)
    # A product with zeros and ones, since picking frames would copy activations that may be as long as a day.
    at_rest = (H @ (~sounding).T.astype(H.dtype)).astype(np.float64)
    at_rest /= np.maximum(H.sum(axis=1, dtype=np.float64), least)[:, np.newaxis]
    evidence: NDArray[np.float64] = at_rest * np.log(_AT_REST) - np.log(part + _AT_REST * (1 - part))
    return evidence


def _evidence_of_boxes(
    W: Array, H: Array, labels: Collection[Label], sources: Sequence[str], layout: Layout
) -> NDArray[np.float64]:
    """Mean log odds of the boxes in which an atom's energy lies [shape=(atoms, sources)]."""
    assert layout.bins_hz is not None
    assert layout.frames_s is not None
    evidence: NDArray[np.float64] = np.zeros((W.shape[1], len(sources)))
    whole = np.maximum(W.sum(axis=0, dtype=np.float64) * H.sum(axis=1), np.finfo(np.float64).tiny)
    for box in labels:
        if box.is_span:
            continue
        high_hz = np.inf if box.high_hz is None else box.high_hz
        bins = (layout.bins_hz >= (box.low_hz or 0)) & (layout.bins_hz <= high_hz)
        frames = frames_within([(box.start_s, box.end_s)], layout.frames_s)
        inside = W[bins].sum(axis=0, dtype=np.float64) * (H @ frames.astype(H.dtype)) / whole
        odds = np.log((box.strength + _DOUBT) / (1 - box.strength + _DOUBT))
        evidence[:, sources.index(box.source)] += (-odds if box.absent else odds) * inside
    return evidence


def _seeds(
    W: Array, heights: Array, H: Array, sounding: NDArray[np.bool_], bins_hz: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Envelopes of what is heard of each source alone, and how much they count: not at all where there is nothing."""
    alone = sounding & (sounding.sum(axis=0) == 1)
    heard = heights[:, np.newaxis] * (H @ alone.T.astype(H.dtype))
    return envelope_cepstra(W @ heard, bins_hz), np.sqrt(heard.sum(axis=0))


def _centres(
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    owner: NDArray[np.intp],
    seeds: NDArray[np.float64],
    seed_weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weighted means of the atoms and the seed of every source [shape=(sources, coefficients)]."""
    centres = np.zeros_like(seeds)
    for source, (seed, weight) in enumerate(zip(seeds, seed_weights, strict=True)):
        own = owner == source
        total = weights[own].sum() + weight
        centres[source] = (weights[own] @ points[own] + weight * seed) / max(total, np.finfo(np.float64).tiny)
    return centres
