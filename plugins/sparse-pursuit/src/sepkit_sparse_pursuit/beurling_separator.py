"""The separator: Beurling LASSO on every spectrum with a given dictionary, then soft masks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.spectral import soft_masks
from sepkit_sparse_pursuit.beurling import Convolution, Solution, solve
from sepkit_sparse_pursuit.config import BeurlingLassoConfig
from sepkit_sparse_pursuit.dictionary_separator import DictionarySeparator, silence
from sepkit_sparse_pursuit.duration import about
from sepkit_sparse_pursuit.log_axis import LogAxis
from sepkit_sparse_pursuit.refinement import ToneModel
from sepkit_sparse_pursuit.tones import Array, Tones
from sepkit_sparse_pursuit.transform import Transform

_AT_ONCE = 64
"""Spectra that are solved at once."""

_MANY = 20
"""Blocks of which one more, to see how long it takes, counts for little."""


class BeurlingLasso(DictionarySeparator[BeurlingLassoConfig]):
    """Convex separation by tones.

    Every spectrum on the logarithmic axis is the sum of the instruments' patterns convolved with measures, whose total
    variation is to be small: the convex counterpart of sparse pursuit with one and the same dictionary. As there,
    spectra are compared as powers of magnitudes, and so are patterns, which makes few loud partials count for less. The
    mixture is shared out in proportion to the magnitudes of the sources that are found.

    References
    ----------
    Schulze and King, "Formulating Beurling LASSO for source separation via proximal gradient iteration", 2022.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        mixture = problem.mixture
        samples = mixture.samples[0]
        transform = Transform.of(self.config, mixture.sample_rate)
        names = problem.sources or tuple(problem.side_information.examples)
        Y, _ = transform.log_spectra(samples, partial(run.steps, stage="log spectrogram"))
        if not Y.any():
            return silence(problem, names, run)
        dictionary = self._dictionary(problem, names, transform, run)
        exponent = self.config.exponent
        convolution = pattern_convolution(transform, dictionary, self.config.finer, exponent)
        sources = self._solve(convolution, Y, run)
        position = transform.axis.position(np.maximum(transform.stft.bins_hz(mixture.sample_rate), 1e-9))

        def masks(block: slice) -> NDArray[np.floating]:
            shares = soft_masks(sources[:, block], 1 / exponent)
            if self.config.resynthesis == "tones":
                shares *= explained(sources[:, block], Y[block], exponent)
            return on_linear_bins(shares, position)

        stems = transform.stft.filter(samples, masks, len(names), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem[np.newaxis], mixture.sample_rate) for name, stem in zip(names, stems, strict=True)}

    def _dictionary(self, problem: Problem, names: tuple[str, ...], transform: Transform, run: Run) -> Array:
        """The dictionary of an earlier separation, or one that is learned from examples."""
        examples = problem.side_information.examples
        if self.trained is not None:
            if examples:
                run.remark("the weights' dictionary was used as it is: the examples had nothing to add")
            return self.trained.dictionary
        missing = [name for name in names if name not in examples]
        if missing:
            raise ConfigError(
                f"an example of '{missing[0]}' is missing: give one for every source, or the folder of a separation by "
                "sparse-pursuit with --weights"
            )
        return np.stack([self.learn_example(transform, name, examples[name], run) for name in names])

    def _solve(self, convolution: Convolution, Y: Array, run: Run) -> Array:
        """The sources on the logarithmic axis, as powers of magnitudes [shape=(sources, frames, bins)]."""
        config, bins = self.config, Y.shape[1]

        def lifted(block: slice) -> Array:
            return np.pad(Y[block] ** config.exponent, ((0, 0), (0, convolution.bins - bins)))

        blocks = [slice(first, first + _AT_ONCE) for first in range(0, len(Y), _AT_ONCE)]
        largest = max(float(convolution.correlated(lifted(block)[:, np.newaxis]).max()) for block in blocks)
        sources = large.empty((len(convolution.patterns), len(Y), bins))
        gaps, certificates = [], []

        def solved(block: slice) -> Solution:
            return solve(
                convolution,
                lifted(block),
                config.sparsity * largest,
                steps=_cancellable(config.steps, run),
                inner=config.inner,
                gap=config.gap,
            )

        told = about(len(blocks) * self._seconds(solved, blocks))
        for index in run.steps(len(blocks), f"solve{told}"):
            solution = solved(blocks[index])
            sources[:, blocks[index]] = np.maximum(solution.sources[..., :bins], 0).swapaxes(0, 1)
            gaps.append(solution.gap.max())
            certificates.append(solution.certificate.max())
        run.trace("duality gap", gaps)
        run.trace("certificate", certificates)
        return sources

    def _seconds(self, solved: Callable[[slice], object], blocks: list[slice]) -> float:
        """About how long one of many blocks takes, by one from the middle; of few it is not worth knowing."""
        if len(blocks) < _MANY:
            return 0.0
        begun = time.perf_counter()
        solved(blocks[len(blocks) // 2])
        return time.perf_counter() - begun


def explained(sources: Array, Y: Array, exponent: float) -> Array:
    """The share of the mixture's magnitudes that the sources explain, at most all [shape=(frames, bins)].

    Parameters
    ----------
    sources : ndarray [shape=(sources, frames, bins)]
        Powers of magnitudes.
    Y : ndarray [shape=(frames, bins)]
        Magnitudes of the mixture.
    exponent : float
        Of these powers.
    """
    magnitudes = sources.sum(axis=0) ** (1 / exponent)
    return np.asarray(magnitudes / np.maximum(np.maximum(magnitudes, Y), np.finfo(Y.dtype).tiny))


def pattern_convolution(transform: Transform, dictionary: Array, finer: int, exponent: float) -> Convolution:
    """Convolution with the lifted patterns of a dictionary's instruments, each of norm 1 on the logarithmic axis.

    The axis is continued upwards, so that harmonics of the highest tones do not come round to its lower end.

    Parameters
    ----------
    transform : Transform
    dictionary : ndarray [shape=(instruments, harmonics)]
    finer : int
        Places for tones in each bin.
    exponent : float
        q: magnitudes are compared as their powers.
    """
    axis = transform.axis
    needed = axis.bins + int(np.ceil(axis.bins_per_e * np.log(dictionary.shape[1]) + 8 * transform.width))
    bins = int(scipy.fft.next_fast_len(needed, real=True))
    fine = LogAxis(axis.low_hz, axis.bins_per_e * finer, bins * finer)
    model = ToneModel(fine, transform.width * finer)
    zero = np.zeros((1, len(dictionary)), np.float32)
    # The lower half of the fundamental belongs to the pattern too: it is made higher up, and moved back around 0.
    up = float(model.reach)
    tones = Tones(zero + 1, zero + up, np.full_like(zero, model.width), zero, np.arange(len(dictionary))[np.newaxis])
    patterns = np.roll(model.magnitudes(tones, dictionary[np.newaxis])[0] ** exponent, -int(up), axis=-1)
    return Convolution(patterns / np.linalg.norm(patterns[:, ::finer], axis=1, keepdims=True), finer)


def on_linear_bins(masks: Array, position: Array) -> Array:
    """Masks on linear bins, between those on the logarithmic axis; 0 beyond its ends.

    Parameters
    ----------
    masks : ndarray [shape=(sources, frames, bins of the axis)]
    position : ndarray [shape=(bins,)]
        Of the linear bins on the axis.

    Returns
    -------
    masks : ndarray [shape=(sources, bins, frames)]
    """
    last = masks.shape[-1] - 1
    inside = (position >= 0) & (position <= last)
    below = np.clip(np.floor(position), 0, max(0, last - 1)).astype(np.intp)
    above = np.minimum(below + 1, last)
    share = (np.clip(position - below, 0, 1) * inside).astype(masks.dtype)
    between = masks[..., below] * (inside - share) + masks[..., above] * share
    return np.asarray(between.astype(masks.dtype).swapaxes(-1, -2))


def _cancellable(steps: int, run: Run) -> Iterator[int]:
    for step in range(steps):
        run.check_cancelled()
        yield step
