"""Oracles: the best that masking or filtering could do, from the true stems themselves.

Masks and filters are computed from all references that are given, stems only for the sources that are wanted. Bins in
which no reference has energy are shared as if all were equally loud there, so that the stems of all references sum to
the mixture.

References
----------
Vincent, Gribonval and Plumbley, "Oracle estimators for the benchmarking of source separation", Signal Processing 87(8),
2007.
Liutkus and Badeau, "Generalized Wiener filtering with fractional power spectrograms", ICASSP 2015.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError
from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit.spectral_config import SpectralConfig

Spectrum = NDArray[np.complexfloating]
Estimator = Callable[[Spectrum, Spectrum], Spectrum]
"""Estimates from the spectra of the references [shape=(sources, channels, bins, frames)] and of the mixture."""

_LEAST_SPREAD = 1e-8
"""Share of every source's power that is taken to come equally from all channels: covariances can then be inverted."""


class MaskConfig(SpectralConfig):
    """Options of the oracles."""


class Oracle(Separator[MaskConfig]):
    """What the oracles have in common: estimates block by block, from the spectra of references and mixture."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        mixture, references = problem.mixture, problem.side_information.references
        names = problem.sources or tuple(references)
        wanted = _wanted(names, references)
        truth = Truth(references, STFT.of_duration(self.config.window_s, self.config.overlap, mixture.sample_rate))
        estimate = self.estimator(truth, run)

        def estimates(block: slice) -> Spectrum:
            return estimate(truth.spectra(block), truth.stft.forward(mixture.samples, block))[wanted]

        shape, steps = (len(names), *mixture.samples.shape), partial(run.steps, stage="filter")
        stems = truth.stft.synthesize(estimates, shape, steps=steps)
        return {name: Audio(stem, mixture.sample_rate) for name, stem in zip(names, stems, strict=True)}

    @abstractmethod
    def estimator(self, truth: Truth, run: Run) -> Estimator:
        """What gives the estimates of a block."""


class IdealRatioMask(Oracle):
    """Share every bin of every channel in the ratio of the true stems' magnitudes there."""

    def estimator(self, truth: Truth, run: Run) -> Estimator:
        return lambda spectra, mixture: soft_masks(_audible(np.abs(spectra))) * mixture


class IdealBinaryMask(Oracle):
    """Give every bin of every channel to the true stem that is loudest there, the first of several."""

    def estimator(self, truth: Truth, run: Run) -> Estimator:
        return lambda spectra, mixture: _loudest(np.abs(spectra)) * mixture


class IdealWienerFilter(Oracle):
    """Filter all channels together with the true stems' power over time and spatial covariances over the recording.

    In every bin source j has the covariance ``v_j(f, t) R_j(f)`` across the channels, and its estimate is the mean of
    the source given the mixture, ``v_j R_j (sum_k v_k R_k)^-1 x``. With one channel that is the ratio mask of powers.
    """

    def estimator(self, truth: Truth, run: Run) -> Estimator:
        covariances = spatial_covariances(truth, run)

        def estimate(spectra: Spectrum, mixture: Spectrum) -> Spectrum:
            # Only the ratio of the powers matters, which cannot under- or overflow.
            powers = soft_masks(_audible(np.square(np.abs(spectra), dtype=np.float64).mean(axis=1)))
            total = np.einsum("jft,jfcd->ftcd", powers, covariances)
            whitened = np.linalg.solve(total, np.moveaxis(mixture, 0, -1)[..., np.newaxis])[..., 0]
            filtered: Spectrum = powers[:, np.newaxis] * np.einsum("jfcd,ftd->jcft", covariances, whitened)
            return filtered

        return estimate


class Truth:
    """The true stems' spectra.

    Parameters
    ----------
    references : mapping of str to Audio
    stft : STFT
    """

    def __init__(self, references: Mapping[str, Audio], stft: STFT) -> None:
        self.stft = stft
        self._samples = [reference.samples for reference in references.values()]

    def spectra(self, block: slice) -> Spectrum:
        """A block of them [shape=(sources, channels, bins, frames)]."""
        return np.stack([self.stft.forward(samples, block) for samples in self._samples])

    def blocks(self) -> list[slice]:
        """Blocks of frames that fit into memory."""
        channels, length = self._samples[0].shape
        return list(self.stft.blocks(length, copies=len(self._samples) * channels))


def spatial_covariances(truth: Truth, run: Run) -> NDArray[np.complexfloating]:
    """How each source's power is distributed over the channels, in the whole recording [shape=(sources, bins, c, c)].

    Scaled to a mean of 1 on the diagonal; a source that is silent comes equally from everywhere.
    """
    blocks = truth.blocks()
    total: Any = 0.0
    for index in run.steps(len(blocks), "measure the references"):
        vectors = np.moveaxis(truth.spectra(blocks[index]), 1, 2).astype(np.complex128)
        total = total + vectors @ vectors.conj().swapaxes(-1, -2)
    power = np.trace(total, axis1=-2, axis2=-1).real[..., np.newaxis, np.newaxis] / total.shape[-1]
    everywhere = np.eye(total.shape[-1])
    known = power > 0
    covariances: NDArray[np.complexfloating] = np.where(known, total / np.where(known, power, 1), everywhere)
    return (covariances + _LEAST_SPREAD * everywhere) / (1 + _LEAST_SPREAD)


def _wanted(names: tuple[str, ...], references: Mapping[str, Audio]) -> list[int]:
    """Where the wanted sources stand among the references."""
    there = list(references)
    missing = [name for name in names if name not in references]
    if missing:
        raise SideInformationError(
            f"no reference for {', '.join(missing)}; there are references for {', '.join(there)}: ask for those, or "
            "name the references like the sources"
        )
    return [there.index(name) for name in names]


def _audible(loudness: NDArray[np.floating]) -> NDArray[np.floating]:
    """The same, and all sources equally loud where none sounds, so that every bin belongs to a source."""
    return np.where(loudness.any(axis=0), loudness, loudness.dtype.type(1))


def _loudest(magnitudes: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether a source is the loudest; exactly one is, in every bin."""
    sources = np.arange(len(magnitudes)).reshape(-1, *[1] * (magnitudes.ndim - 1))
    loudest: NDArray[np.bool_] = sources == magnitudes.argmax(axis=0)
    return loudest
