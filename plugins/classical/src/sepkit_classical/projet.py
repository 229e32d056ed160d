"""The method `projet`: sources by how they are panned, seen in projections that leave some of them out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT
from sepkit_classical.config import PROJETConfig
from sepkit_classical.stereo import remark_on_one_place, stem_names, thinned

Array = NDArray[np.floating]
Complex = NDArray[np.complexfloating]

_POINTS = 1 << 17
"""Bins times frames from which the panning is found: as many tell as much as all of them."""
_PIECE = 1 << 13
"""Points whose model is made at a time: as many as stay in the processor's cache."""
_TINY = 1e-12


class PROJET(Separator[PROJETConfig]):
    """Projection-based separation.

    Both channels are projected on many directions; in each, sources are weaker the nearer they are to the direction
    across. All projections together are a nonnegative model: spectra of the sources times how each is spread over
    panning directions times what a projection leaves of a direction. The model's shares filter every projection, and
    the projections go back to two channels.

    References
    ----------
    D. Fitzgerald, A. Liutkus and R. Badeau, "PROJET: spatial audio separation using projections", ICASSP 2016.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, samples, rate = self.config, problem.mixture.samples, problem.mixture.sample_rate
        remark_on_one_place(samples, run)
        names = stem_names(problem, config.count)
        stft = STFT.of_duration(config.window_s, config.overlap, rate)
        projections, kernel = projections_and_kernel(config.projections, config.directions, config.exponent)
        some = thinned(stft, samples, _POINTS, partial(run.steps, stage="look around"))
        V = _magnitudes(projections, some, config.exponent)
        Q = start_of_panning(V, kernel, len(names))
        P = np.repeat(V.mean(axis=0)[np.newaxis], len(names), axis=0)
        for _ in run.steps(config.iterations, "find panning"):
            P *= spectra_change(V, P, kernel @ Q)
            Q *= panning_change(V, P, kernel, Q)
            Q /= Q.sum(axis=0) + np.float32(_TINY)
        seen = (kernel @ Q).astype(np.float32)

        def spectra(block: slice) -> Complex:
            run.check_cancelled()
            X = stft.forward(samples, block)
            points = X.reshape(2, -1)
            images = np.empty((len(names), *points.shape), X.dtype)
            for start in range(0, points.shape[1], _PIECE):
                piece = slice(start, start + _PIECE)
                images[..., piece] = filtered(points[:, piece], projections, seen, config)
            return images.reshape(len(names), *X.shape)

        shape = (len(names), *samples.shape)
        stems = stft.synthesize(spectra, shape, steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem, rate) for name, stem in zip(names, stems, strict=True)}


def projections_and_kernel(projections: int, directions: int, exponent: float) -> tuple[Array, Array]:
    """Rows that project two channels, and what each leaves of every panning direction.

    Returns
    -------
    rows : ndarray [shape=(projections, 2)]
        All around half a circle.
    kernel : ndarray [shape=(projections, directions)]
        Of directions from left to right.
    """
    angles = np.pi * np.arange(projections) / projections
    panned = np.pi / 2 * np.arange(directions) / (directions - 1)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    kernel = np.abs(np.cos(angles[:, np.newaxis] - panned)) ** exponent
    return rows.astype(np.float32), kernel.astype(np.float32)


def _magnitudes(projections: Array, X: Complex, exponent: float) -> Array:
    """Of all projections [shape=(projections, points)]."""
    V = np.abs(projections @ X.reshape(2, -1))
    return np.asarray(V if exponent == 1 else V ** np.float32(exponent))


def start_of_panning(V: Array, kernel: Array, sources: int) -> Array:
    """Each source around one of the places that split what sounds into equal shares [shape=(directions, sources)].

    Parameters
    ----------
    V : ndarray [shape=(projections, points)]
    kernel : ndarray [shape=(projections, directions)]
    sources : int
    """
    directions = kernel.shape[1]
    # A point is from where its projections look most alike.
    likeness = (kernel / np.linalg.norm(kernel, axis=0)).T @ V
    sounding = np.bincount(likeness.argmax(axis=0), V.sum(axis=0), directions) + _TINY
    shares = np.cumsum(sounding) / sounding.sum()
    centres = np.searchsorted(shares, (np.arange(sources) + 0.5) / sources)
    distance = (np.arange(directions)[:, np.newaxis] - centres) / max(1.0, directions / (2 * sources))
    Q = 0.05 + np.exp(-np.square(distance))
    return np.asarray(Q / Q.sum(axis=0), np.float32)


def filtered(X: Complex, projections: Array, seen: Array, config: PROJETConfig) -> Complex:
    """Both channels of every source: each projection shared out by the model, and the projections put back together.

    Parameters
    ----------
    X : ndarray [shape=(2, points)]
    projections : ndarray [shape=(projections, 2)]
    seen : ndarray [shape=(projections, sources)]
        What each projection leaves of every source.
    config : PROJETConfig

    Returns
    -------
    images : ndarray [shape=(sources, 2, points)]
    """
    V = _magnitudes(projections, X, config.exponent)
    P = np.repeat(V.mean(axis=0)[np.newaxis], seen.shape[1], axis=0)
    for _ in range(config.updates):
        P *= spectra_change(V, P, seen)
    shares = seen.T[:, :, np.newaxis] * P[:, np.newaxis]
    shares += np.float32(_TINY)
    shares /= shares.sum(axis=0)
    # There and back again is one matrix of both channels at every point, the same for all that is projected.
    back = np.linalg.pinv(projections).astype(np.float32)
    there_and_back = (back[:, np.newaxis] * projections.T).reshape(4, -1)
    matrices = (there_and_back @ shares).reshape(len(shares), 2, 2, -1)
    return np.asarray((matrices * X).sum(axis=2))


def spectra_change(V: Array, P: Array, seen: Array) -> Array:
    """Factors of a multiplicative update of the spectra, for the Kullback-Leibler divergence.

    Parameters
    ----------
    V : ndarray [shape=(projections, points)]
    P : ndarray [shape=(sources, points)]
    seen : ndarray [shape=(projections, sources)]
        What each projection leaves of every source.
    """
    ratio = V / (seen @ P + np.float32(_TINY))
    return np.asarray((seen.T @ ratio) / (seen.sum(axis=0)[:, np.newaxis] + np.float32(_TINY)))


def panning_change(V: Array, P: Array, kernel: Array, Q: Array) -> Array:
    """Factors of a multiplicative update of the panning [shape=(directions, sources)]."""
    ratio = V / (kernel @ Q @ P + np.float32(_TINY))
    there = kernel.sum(axis=0)[:, np.newaxis] * P.sum(axis=1)
    return np.asarray((kernel.T @ (ratio @ P.T)) / (there + np.float32(_TINY)))
