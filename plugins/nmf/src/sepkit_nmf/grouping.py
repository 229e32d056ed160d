"""Grouping atoms into sources, for blind separation.

Atoms of one source share a spectral envelope and tend to sound together. The affinity of two atoms is the mean of two
cosines: between the mel-frequency cepstra of their templates (the envelope, whatever the pitch) and between their
smoothed activations. Average-linkage clustering then joins the most similar groups until as many are left as there are
sources.

References
----------
Spiertz and Gnann, "Source-filter based clustering for monaural blind source separation", DAFx 2009.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import ConfigError

MOST_STEMS = 32
"""As many atoms, at most, become a stem each."""

_BANDS = 40
_CEPSTRA = 13
_SMOOTH_S = 0.2


def atoms_of_sources(
    templates: NDArray[np.floating],
    activations: NDArray[np.floating],
    labels: Sequence[str | None],
    sources: Sequence[str],
    *,
    bins_hz: NDArray[np.floating],
    frames_s: NDArray[np.floating],
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
    frames_s : ndarray [shape=(frames,)]

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
        axes = {"bins_hz": bins_hz, "frames_s": frames_s}
        groups = group_atoms(templates[:, loose], activations[loose], len(nameless), **axes)
        members |= {source: loose[group] for source, group in zip(nameless, groups, strict=True)}
    return members


def group_atoms(
    templates: NDArray[np.floating],
    activations: NDArray[np.floating],
    groups: int,
    *,
    bins_hz: NDArray[np.floating],
    frames_s: NDArray[np.floating],
) -> list[NDArray[np.intp]]:
    """Cluster atoms into groups.

    Parameters
    ----------
    templates : ndarray [shape=(bins, atoms)]
    activations : ndarray [shape=(atoms, frames)]
    groups : int
        At most as many as there are atoms.
    bins_hz : ndarray [shape=(bins,)]
    frames_s : ndarray [shape=(frames,)]

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
    labels = _average_linkage(_affinity(templates, activations, bins_hz, frames_s), groups)
    energy = (templates.sum(axis=0, dtype=np.float64)) * activations.sum(axis=1, dtype=np.float64)
    members = [np.flatnonzero(labels == label) for label in range(groups)]
    return sorted(members, key=lambda member: (-energy[member].sum(), member[0]))


def _affinity(
    templates: NDArray[np.floating],
    activations: NDArray[np.floating],
    bins_hz: NDArray[np.floating],
    frames_s: NDArray[np.floating],
) -> NDArray[np.float64]:
    import scipy.fft
    import scipy.ndimage

    bands = _mel_bands(bins_hz) @ templates.astype(np.float64)
    floor = 1e-4 * np.maximum(bands.max(axis=0), np.finfo(np.float64).tiny)
    cepstra = scipy.fft.dct(np.log(bands + floor), axis=0, norm="ortho")[1 : _CEPSTRA + 1]
    hop_s = frames_s[1] - frames_s[0] if len(frames_s) > 1 else 1.0
    smooth = scipy.ndimage.uniform_filter1d(activations, max(1, round(_SMOOTH_S / hop_s)), axis=1)
    return (_cosines(cepstra.T) + _cosines(smooth)) / 2


def _average_linkage(affinity: NDArray[np.float64], groups: int) -> NDArray[np.intp]:
    import scipy.cluster.hierarchy
    import scipy.spatial.distance

    distance = np.maximum(1 - affinity, 0)
    np.fill_diagonal(distance, 0)
    condensed = scipy.spatial.distance.squareform((distance + distance.T) / 2)
    tree = scipy.cluster.hierarchy.linkage(condensed, "average")
    labels: NDArray[np.intp] = scipy.cluster.hierarchy.cut_tree(tree, n_clusters=groups)[:, 0]
    return labels


def _cosines(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cosine of every pair of rows; 0 where a row is zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros(rows.shape), where=norms > 0)
    cosines: NDArray[np.float64] = unit @ unit.T
    return cosines


def _mel_bands(bins_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Triangular bands, equally spaced on the mel scale [shape=(bands, bins)]."""
    mel = 2595 * np.log10(1 + np.asarray(bins_hz, np.float64) / 700)
    centres = np.linspace(0, mel[-1], _BANDS + 2)
    width = centres[1] - centres[0] if mel[-1] > 0 else 1.0
    bands: NDArray[np.float64] = np.maximum(0, 1 - np.abs(mel[np.newaxis, :] - centres[1:-1, np.newaxis]) / width)
    return bands
