"""F0 that follows a recording: that of all sources at once, by the misfit of a model of their sum.

The nonnegative source-filter model is fitted to the mixture with the F0 that there are; then every F0 takes a
Gauss-Newton step down the same misfit, smoothed over time; and so on. Since the model explains what the other sources
do in a frame, no source is drawn to them.

References
----------
Durrieu, Richard, David and Févotte, "Source/filter model for unsupervised main melody extraction from polyphonic audio
signals", IEEE TASLP 18(3), 2010 (F0, envelopes and noise fitted together).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sepkit.informed.moving_partials import bins_below, moving_partials
from sepkit.informed.source_filter import PARTIALS, SourceFilterModel, divergence
from sepkit.problem.constraint import BoundConstraints
from sepkit.problem.prior import Density
from sepkit.spectral import STFT

Array = NDArray[np.float64]

FIRST_UPDATES, UPDATES = 15, 5
"""Of the model, before the first step of F0 and before every other."""
LARGEST_STEP = 30 * np.log(2) / 1200
"""30 cents: misfits look the same from one side of a partial to the other and no further."""
_INERTIA = 0.5
"""What a change of the step from frame to frame costs, beside the median curvature of the misfit."""
_HELD = 1e-3


@dataclass(eq=False)
class FollowingF0:
    """F0 of all sources, which rounds make follow a spectrogram.

    Parameters
    ----------
    times_s : ndarray [shape=(points,)]
        At least as dense as frames.
    f0_hz : ndarray [shape=(sources, points)]
        In Hz, NaN where unvoiced; replaced in every round.
    frames_s : ndarray [shape=(frames,)]
    stft : STFT
    sample_rate : int
        In Hz.
    highest_hz : float
        Partials up to here count.
    densities : sequence of Density
        Priors on the F0.
    constraints : BoundConstraints
        On the F0.
    """

    times_s: Array
    f0_hz: Array
    frames_s: Array
    stft: STFT
    sample_rate: int
    highest_hz: float
    densities: Sequence[Density] = ()
    constraints: BoundConstraints = field(default_factory=lambda: BoundConstraints(()))

    def combs(self) -> NDArray[np.float32]:
        """Partials of all sources [shape=(sources, frames, bins)]."""
        return np.stack(
            [
                moving_partials(self.times_s, f0_hz, self.frames_s, self.stft, self.sample_rate, self.highest_hz)
                for f0_hz in self.f0_hz
            ]
        )

    def numbers(self) -> NDArray[np.uint8]:
        """The partial to which every bin belongs, from 0 [shape=(sources, frames, bins)]."""
        bins_hz = self.stft.bins_hz(self.sample_rate)[: bins_below(self.stft, self.sample_rate, self.highest_hz)]
        nearest = np.searchsorted((self.times_s[:-1] + self.times_s[1:]) / 2, self.frames_s)
        numbers = np.rint(bins_hz / np.nan_to_num(self.f0_hz[:, nearest], nan=np.inf)[..., np.newaxis]) - 1
        return np.asarray(np.clip(numbers, 0, PARTIALS - 1), np.uint8)

    def rounds(self, X: NDArray[np.float32], model: SourceFilterModel, count: int) -> Iterator[float]:
        """Fit `model` to magnitudes [shape=(frames, bins)] and F0 to that; gives the misfit in every round."""
        for number in range(count):
            combs = self.combs()
            for _ in range(UPDATES if number else FIRST_UPDATES):
                model.update(X, combs)
            M = model.mixture(combs)
            yield divergence(X, M)
            self._follow(*gauss_newton(X, M, combs, model, self.stft.bins_hz(self.sample_rate)))

    def _follow(self, slope: Array, curvature: Array) -> None:
        """Move every F0 against the slope of its misfit, both [shape=(sources, frames)] per unit of log F0."""
        pull = self._pull_of_priors(self.f0_hz)
        trial = self._steps(slope - pull, curvature)
        if self.densities:
            # How the pull changes on the way there is its curvature.
            changed = pull - self._pull_of_priors(self._moved(trial))
            bend = np.divide(changed, trial, out=np.zeros_like(trial), where=np.abs(trial) > _HELD * LARGEST_STEP)
            trial = self._steps(slope - pull, curvature + np.maximum(bend, 0))
        self.f0_hz = self.constraints.project(self._moved(trial))

    def _moved(self, steps: Array) -> Array:
        along = [np.interp(self.times_s, self.frames_s, step) for step in steps]
        return np.asarray(self.f0_hz * np.exp(np.stack(along)))

    def _pull_of_priors(self, f0_hz: Array) -> Array:
        """Gradient of the priors for log F0 [shape=(sources, frames)], gathered from the points to the frames."""
        pull = np.zeros((len(f0_hz), len(self.frames_s)))
        nearest = np.searchsorted((self.frames_s[:-1] + self.frames_s[1:]) / 2, self.times_s)
        for density in self.densities:
            gradient = np.nan_to_num(np.asarray(density.gradient(f0_hz)) * f0_hz)
            for row, values in zip(pull, gradient, strict=True):
                np.add.at(row, nearest, values)
        return pull

    @staticmethod
    def _steps(slope: Array, curvature: Array) -> Array:
        """Steps of log F0 that Gauss-Newton takes, changing slowly over time [shape=(sources, frames)]."""
        import scipy.linalg

        steps = np.zeros_like(slope)
        for step, down, bend in zip(steps, slope, curvature, strict=True):
            if not (bend > 0).any():
                continue
            typical = np.median(bend[bend > 0])
            bands = np.zeros((2, len(step)))
            bands[0, 1:] = -_INERTIA * typical
            bands[1] = bend + (2 * _INERTIA + _HELD) * typical
            bands[1, [0, -1]] -= _INERTIA * typical
            step[:] = scipy.linalg.solveh_banded(bands, -down)
        return np.clip(steps, -LARGEST_STEP, LARGEST_STEP)


def gauss_newton(
    X: NDArray[np.float32],
    M: NDArray[np.float32],
    combs: NDArray[np.float32],
    model: SourceFilterModel,
    bins_hz: NDArray[np.floating],
) -> tuple[Array, Array]:
    """Slope and curvature of the misfit for the logarithm of every F0, both [shape=(sources, frames)].

    A higher F0 stretches the comb along frequency: its change at a bin is minus the frequency there times the slope of
    the comb over frequency.
    """
    slope, curvature = np.zeros((2, *combs.shape[:2]))
    over_bins = bins_hz[: M.shape[1]].astype(np.float32) / np.float32(2 * (bins_hz[1] - bins_hz[0]))
    for source, comb in enumerate(combs):
        stretched = np.zeros_like(comb)
        stretched[:, 1:-1] = comb[:, :-2] - comb[:, 2:]
        stretched *= over_bins * model.envelope(source)
        slope[source] = np.sum((1 - X / M) * stretched, axis=1, dtype=np.float64)
        curvature[source] = np.sum(stretched**2 / M, axis=1, dtype=np.float64)
    return slope, curvature
