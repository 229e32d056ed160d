"""Grouping atoms into sources, for blind separation.

Atoms of one source share a spectral envelope, whatever their pitch. The envelope is described by the direction of the
mel-frequency cepstrum of an atom's template. Ward's method makes the first groups, and k-means in which louder atoms
count more moves atoms between them until none moves any more.

References
----------
Spiertz and Gnann, "Source-filter based clustering for monaural blind source separation", DAFx 2009.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import ConfigError
from sepkit_nmf.config import MOST_ATOMS
from sepkit_nmf.ward import ward

MOST_STEMS = 32
"""As many atoms, at most, become a stem each."""

RANK_ALONE = 8
RANK_PER_SOURCE = 16

_BANDS = 40
_CEPSTRA = 13
_ROUNDS = 100


def blind_rank(asked: int | None, sources: Sequence[str]) -> int:
    """How many atoms blind separation has: as many as asked for, or some for each source.

    Raises
    ------
    ConfigError
        If those are fewer than the sources.
    """
    rank = asked or min(RANK_PER_SOURCE * len(sources), MOST_ATOMS) or RANK_ALONE
    if len(sources) > rank:
        most = f"; at most {MOST_ATOMS} are possible" if len(sources) > MOST_ATOMS else ""
        raise ConfigError(f"{len(sources)} sources need an option rank of at least {len(sources)}, given {rank}{most}")
    return rank


def atoms_of_sources(
    templates: NDArray[np.floating],
    activations: NDArray[np.floating],
    labels: Sequence[str | None],
    sources: Sequence[str],
    *,
    bins_hz: NDArray[np.floating],
) -> dict[str, NDArray[np.intp]]:
    """Indices of the atoms of every source, in the order of the sources.

    Parameters
    ----------
    templates : ndarray [shape=(bins, atoms)]
    activations : ndarray [shape=(atoms, frames)]
    labels : sequence of str or None
        The source of every atom. Those of none are grouped among the sources that have no other, the strongest group
        going to the first of these.
    sources : sequence of str
        Without any, every atom becomes one: ``component-1``, ``component-2`` ...
    bins_hz : ndarray [shape=(bins,)]

    Raises
    ------
    ConfigError
        If there are too few atoms for the sources, or too many to be a stem each.
    """
    if not sources:
        if len(labels) > MOST_STEMS:
            raise ConfigError(f"{len(labels)} atoms are too many for a stem each; name the sources to group them into")
        return {f"component-{index + 1}": np.array([index]) for index in range(len(labels))}
    members = {source: np.flatnonzero([label == source for label in labels]) for source in sources}
    nameless = [source for source, atoms in members.items() if not len(atoms)]
    if nameless:
        loose = np.flatnonzero([label is None for label in labels])
        if len(loose) < len(nameless):
            wanted = len(nameless)
            raise ConfigError(f"{wanted} sources need an option rank of at least {wanted}, given {len(loose)}")
        # An index would copy them, and all of an hour's activations are many.
        theirs = activations if len(loose) == len(labels) else activations[loose]
        groups = group_atoms(templates[:, loose], theirs, len(nameless), bins_hz=bins_hz)
        members |= {source: loose[group] for source, group in zip(nameless, groups, strict=True)}
    return members


def group_atoms(
    templates: NDArray[np.floating],
    activations: NDArray[np.floating],
    groups: int,
    *,
    bins_hz: NDArray[np.floating],
) -> list[NDArray[np.intp]]:
    """Cluster atoms into groups.

    Parameters
    ----------
    templates : ndarray [shape=(bins, atoms)]
    activations : ndarray [shape=(atoms, frames)]
    groups : int
        At most as many as there are atoms.
    bins_hz : ndarray [shape=(bins,)]

    Returns
    -------
    members : list of ndarray
        Indices of the atoms of every group, the group with most energy first.

    Raises
    ------
    ValueError
        If there are fewer atoms than groups.
    """
    atoms = templates.shape[1]
    if not 1 <= groups <= atoms:
        raise ValueError(f"{atoms} atoms cannot be grouped into {groups} sources; use a rank of at least {groups}")
    if groups == 1:
        return [np.arange(atoms)]
    energy = (templates.sum(axis=0, dtype=np.float64)) * activations.sum(axis=1, dtype=np.float64)
    cepstra = envelope_cepstra(templates, bins_hz)
    labels = weighted_kmeans(cepstra, np.sqrt(energy), ward(cepstra, groups))
    members = [np.flatnonzero(labels == label) for label in range(groups)]
    return sorted(members, key=lambda member: (-energy[member].sum(), member[0]))


def envelope_cepstra(templates: NDArray[np.floating], bins_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mel-frequency cepstra of templates, without the loudness, of length one [shape=(atoms, coefficients)]."""
    bands = _mel_bands(bins_hz) @ templates.astype(np.float64)
    floor = 1e-4 * np.maximum(bands.max(axis=0), np.finfo(np.float64).tiny)
    # DCT-II, orthonormal, by its few rows that are wanted: SciPy's transforms take long to import.
    rows = np.pi / _BANDS * np.outer(np.arange(1, _CEPSTRA + 1), np.arange(_BANDS) + 0.5)
    cepstra = (np.sqrt(2 / _BANDS) * np.cos(rows) @ np.log(bands + floor)).T
    lengths = np.linalg.norm(cepstra, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.divide(cepstra, lengths, out=np.zeros(cepstra.shape), where=lengths > 0)
    return unit


def weighted_kmeans(
    points: NDArray[np.float64], weights: NDArray[np.float64], labels: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The group of every point after k-means from given groups, none of which is left empty.

    Parameters
    ----------
    points : ndarray [shape=(points, dimensions)]
    weights : ndarray [shape=(points,)]
        How much each counts for the centre of its group; from 0.
    labels : ndarray [shape=(points,)]
        The groups to start from, numbered from 0.
    """
    weights = weights + np.finfo(np.float64).eps * max(float(weights.max()), 1.0)
    groups = int(labels.max()) + 1
    for _ in range(_ROUNDS):
        centres = np.stack(
            [np.average(points[labels == g], axis=0, weights=weights[labels == g]) for g in range(groups)]
        )
        nearest = np.square(points[:, np.newaxis] - centres).sum(axis=2).argmin(axis=1)
        if len(np.unique(nearest)) < groups or (nearest == labels).all():
            break
        labels = nearest
    return labels


def _mel_bands(bins_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Triangular bands, equally spaced on the mel scale [shape=(bands, bins)]."""
    mel = 2595 * np.log10(1 + np.asarray(bins_hz, np.float64) / 700)
    centres = np.linspace(0, mel[-1], _BANDS + 2)
    width = centres[1] - centres[0] if mel[-1] > 0 else 1.0
    bands: NDArray[np.float64] = np.maximum(0, 1 - np.abs(mel[np.newaxis, :] - centres[1:-1, np.newaxis]) / width)
    return bands
