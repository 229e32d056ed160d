"""Which source each atom of a blind factorisation belongs to, by what a listener labelled and by how it sounds.

Labels say when and where a source sounds, and atoms that no label decides go to whom they resemble. Both are
likelihoods of one mixture model: given its source, an atom's events fall where that source may sound, hardly ever
elsewhere, and the cepstrum of its envelope lies around the mean of its source. Expectation and maximisation go on from
the groups of blind separation: the more the labels say, the further away from those.

References
----------
Dempster, Laird and Rubin, "Maximum likelihood from incomplete data via the EM algorithm", JRSS B 39(1), 1977.
Spiertz and Gnann, "Source-filter based clustering for monaural blind source separation", DAFx 2009.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from sepkit.builtin.notes import frames_within
from sepkit.music.labels import Label
from sepkit.problem.layout import Layout
from sepkit_nmf.grouping import envelope_cepstra, group_atoms

Array = NDArray[np.floating]

_AT_REST = 0.05
"""How much less likely an atom is to sound while its source rests than while it does not: ears and labels err."""
_DOUBT = 0.05
"""Of a label at 100 %."""
_EVENT_S = 0.4
"""What sounds within that time is one event, and says no more than once whose it is."""
_PRECISION = 1.2
"""Of cepstra of unit length around the mean of their source: half the inverse of the variance."""
_ROUNDS, _SETTLED = 60, 1e-4


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
        Indices of sources, each of which has an atom.
    """
    from scipy.optimize import linear_sum_assignment

    assert layout.bins_hz is not None
    assert layout.frames_s is not None
    heights = W.sum(axis=0, dtype=np.float64)
    evidence = _events(H, layout.frames_s)[:, np.newaxis] * _evidence_of_spans(heights, H, sounding)
    evidence += _evidence_of_boxes(W, H, labels, sources, layout)
    energies = heights * H.sum(axis=1, dtype=np.float64)
    groups = group_atoms(W, H, len(sources), bins_hz=layout.bins_hz)
    found = np.stack([energies[group] @ evidence[group] for group in groups])
    start = np.zeros_like(evidence)
    for group, source in zip(*linear_sum_assignment(found, maximize=True), strict=True):
        start[groups[group], source] = 1
    posterior = _expected_owners(envelope_cepstra(W, layout.bins_hz), np.sqrt(energies), evidence, start)
    owners: NDArray[np.intp] = posterior.argmax(axis=1)
    if len(np.unique(owners)) < len(sources):
        atoms, theirs = linear_sum_assignment(posterior, maximize=True)
        owners[atoms] = theirs
    return owners


def _expected_owners(
    points: NDArray[np.float64], weights: NDArray[np.float64], evidence: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Posterior probability of every owner after expectation and maximisation.

    Parameters
    ----------
    points : ndarray [shape=(atoms, coefficients)]
        Cepstra of unit length.
    weights : ndarray [shape=(atoms,)]
        How much each counts in the mean of its source.
    evidence : ndarray [shape=(atoms, sources)]
        Log likelihood of what the labels say.
    start : ndarray [shape=(atoms, sources)]
        Posterior to begin with.

    Returns
    -------
    posterior : ndarray [shape=(atoms, sources)]
    """
    weights = weights / max(float(weights.mean()), np.finfo(np.float64).tiny)
    posterior = start
    for _ in range(_ROUNDS):
        means = _maximization(points, weights, posterior)
        before, posterior = posterior, _expectation(points, means, evidence)
        if np.abs(posterior - before).max() < _SETTLED:
            break
    return posterior


def _expectation(
    points: NDArray[np.float64], means: NDArray[np.float64], evidence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Posterior probability of every owner, of which none is likelier than another before [shape=(atoms, sources)]."""
    from scipy.special import softmax

    distances = np.square(points[:, np.newaxis] - means).sum(axis=2)
    posterior: NDArray[np.float64] = softmax(evidence - _PRECISION * distances, axis=1)
    return posterior


def _maximization(
    points: NDArray[np.float64], weights: NDArray[np.float64], posterior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The mean of every source [shape=(sources, coefficients)]; weights are 1 in the mean."""
    # One average atom of no source in particular, so that those that have next to none keep a mean.
    common = weights @ points / len(points)
    counts = weights[:, np.newaxis] * posterior
    means: NDArray[np.float64] = (counts.T @ points + common) / (counts.sum(axis=0)[:, np.newaxis] + 1)
    return means


def _events(H: Array, frames_s: NDArray[np.floating]) -> NDArray[np.float64]:
    """How many independent events an atom has: the participation number of its activations [shape=(atoms,)]."""
    hop_s = float(frames_s[1] - frames_s[0]) if len(frames_s) > 1 else _EVENT_S
    starts = np.arange(0, H.shape[1], max(1, round(_EVENT_S / hop_s)))
    levels = np.add.reduceat(H, starts, axis=1, dtype=np.float64)
    least = np.finfo(np.float64).tiny
    number: NDArray[np.float64] = np.square(levels.sum(axis=1)) / np.maximum(np.square(levels).sum(axis=1), least)
    return number


def _evidence_of_spans(heights: Array, H: Array, sounding: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean log likelihood of when an atom's events lie, were it this source's [shape=(atoms, sources)]."""
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
    """Log odds of the boxes in which an atom lies, each as one event [shape=(atoms, sources)]."""
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
