"""The peaks of spectra: pursuit with one Gaussian as its only pattern, which sharpens a spectrum to positions.

References
----------
Schulze and King, "Sparse pursuit and dictionary learning for blind source separation in polyphonic music recordings",
EURASIP Journal on Audio, Speech, and Music Processing, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import scipy.linalg
import scipy.ndimage
from numpy.typing import NDArray

from sepkit_sparse_pursuit.damping import FIRST, MOST, damped
from sepkit_sparse_pursuit.tones import WIDTHS, Array, reach_of

_FAINTEST = 1e-4
"""Peaks lower than this share of the largest magnitude of their spectrum are left out."""

_DOMINATES = 5
"""A peak is the largest of so many bins."""

_FALLS_TO = 0.7
"""Another round follows if the squared residual fell to less than this share; the papers go on for 20 rounds."""

_ROUNDS = 20
_ITERATIONS = 10
_TOLERANCE = 1e-2


@dataclass(frozen=True, eq=False)
class Peaks:
    """Gaussians in several spectra, those of a spectrum after those of the one before, by position.

    Attributes
    ----------
    spectrum : ndarray of int [shape=(peaks,)]
    amplitude, position, width : ndarray [shape=(peaks,)]
        The latter two in bins.
    """

    spectrum: NDArray[np.intp]
    amplitude: Array
    position: Array
    width: Array

    def __getitem__(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Peaks:
        return Peaks(self.spectrum[which], self.amplitude[which], self.position[which], self.width[which])

    def joined(self, more: Peaks) -> Peaks:
        """These and `more`, in order."""
        pairs = ((getattr(self, field.name), getattr(more, field.name)) for field in fields(self))
        both = Peaks(*map(np.concatenate, pairs))
        return both[np.lexsort((both.position, both.spectrum))]

    def largest(self, most: int) -> Peaks:
        """At most so many of each spectrum."""
        order = np.lexsort((-self.amplitude, self.spectrum))
        first = np.searchsorted(self.spectrum[order], self.spectrum[order])
        rank = np.empty(len(order), np.intp)
        rank[order] = np.arange(len(order)) - first
        return self[(rank < most) & (self.amplitude > 0)]


def find_peaks(magnitudes: Array, width: float, most: int) -> Peaks:
    """Explain spectra by Gaussians: local maxima of the residual are added and all are refined, while that helps.

    Parameters
    ----------
    magnitudes : ndarray [shape=(spectra, bins)]
    width : float
        Nominal, in bins; peaks are from 0.8 to 1.5 times as wide.
    most : int
        At most so many in each spectrum.

    Returns
    -------
    peaks : Peaks
    """
    peaks = Peaks(np.zeros(0, np.intp), *(np.zeros(0, magnitudes.dtype) for _ in range(3)))
    loss = (magnitudes**2).sum(axis=1) / 2
    faintest = _FAINTEST * magnitudes.max(axis=1, keepdims=True)
    going = loss > 0
    for _ in range(_ROUNDS):
        if not going.any():
            break
        residual = (magnitudes - draw(peaks, magnitudes.shape)) * going[:, np.newaxis]
        more = peaks.joined(_local_maxima(residual, faintest, width).largest(most))
        refined, refined_loss = _refine(magnitudes, more[going[more.spectrum]], width)
        fewer = refined.largest(most)
        new, new_loss = (
            _refine(magnitudes, fewer, width)
            if len(fewer.amplitude) < len(refined.amplitude)
            else (refined, refined_loss)
        )
        falls = going & (new_loss < loss)
        peaks = peaks[~falls[peaks.spectrum]].joined(new[falls[new.spectrum]])
        going = falls & (new_loss < _FALLS_TO * loss)
        loss = np.where(falls, new_loss, loss)
    return peaks


def draw(peaks: Peaks, shape: tuple[int, ...]) -> Array:
    """The sum of the peaks' Gaussians [shape=(spectra, bins)]."""
    gaussians = _Gaussians.of(peaks, shape[1], reach_of(float(peaks.width.max(initial=1))))
    return gaussians.spread(peaks.amplitude[:, np.newaxis] * gaussians.height, shape)


def _local_maxima(residual: Array, least: Array, width: float) -> Peaks:
    largest = scipy.ndimage.maximum_filter1d(residual, _DOMINATES, axis=1)
    spectrum, position = np.nonzero((residual == largest) & (residual > least))
    return Peaks(
        spectrum,
        residual[spectrum, position],
        position.astype(residual.dtype),
        np.full(len(position), width, residual.dtype),
    )


@dataclass(frozen=True, eq=False)
class _Gaussians:
    """Around the centre of each peak: its height of 1, the distance to it, the bin [shape=(peaks, around)]."""

    nearest: NDArray[np.intp]
    height: Array
    distance: Array
    place: NDArray[np.intp]

    @classmethod
    def of(cls, peaks: Peaks, bins: int, reach: int) -> _Gaussians:
        nearest = np.rint(np.clip(peaks.position, -reach, bins + reach - 1))
        around = np.arange(-reach, reach + 1, dtype=nearest.dtype)
        distance = around + (nearest - peaks.position)[:, np.newaxis]
        height = np.exp(distance**2 * (-0.5 / peaks.width[:, np.newaxis] ** 2))
        # Spectra lie one after the other, with room for the Gaussians at their ends.
        first = peaks.spectrum * (bins + 4 * reach) + 2 * reach
        middle = first + nearest.astype(np.intp)
        return cls(middle, height, distance, middle[:, np.newaxis] + around.astype(np.intp))

    @property
    def reach(self) -> int:
        return int(self.height.shape[1]) // 2

    def spread(self, values: Array, shape: tuple[int, ...]) -> Array:
        padded = shape[1] + 4 * self.reach
        sums = np.bincount(self.place.ravel(), values.ravel(), minlength=shape[0] * padded)
        inside = sums.reshape(shape[0], padded)[:, 2 * self.reach : 2 * self.reach + shape[1]]
        return inside.astype(values.dtype)

    def gathered(self, spectra: Array) -> Array:
        padded = np.pad(spectra, ((0, 0), (2 * self.reach, 2 * self.reach)))
        return padded.ravel()[self.place]


def _refine(magnitudes: Array, peaks: Peaks, width: float) -> tuple[Peaks, Array]:
    """Fit all peaks of each spectrum jointly, by Levenberg and Marquardt's method; also their loss."""
    theta = np.stack([peaks.amplitude, peaks.position, peaks.width], axis=1).astype(np.float64)
    low, high = np.zeros_like(theta), np.full_like(theta, np.inf)
    # A peak explains its own surroundings: what runs away from them leaves the others nothing to stand against.
    low[:, 1], high[:, 1] = theta[:, 1] - _DOMINATES / 2, theta[:, 1] + _DOMINATES / 2
    low[:, 2], high[:, 2] = WIDTHS[0] * width, WIDTHS[1] * width
    damping = np.full(len(magnitudes), FIRST)
    loss, gradient, curvature = _linearized(magnitudes, peaks, theta, width)
    for _ in range(_ITERATIONS):
        step = _step(curvature, gradient, theta, (low, high), damping[peaks.spectrum])
        proposed = np.clip(theta + step, low, high)
        there = _linearized(magnitudes, peaks, proposed, width)
        better = there[0] < loss
        moved = better[peaks.spectrum]
        theta = np.where(moved[:, np.newaxis], proposed, theta)
        gradient = np.where(moved[:, np.newaxis], there[1], gradient)
        curvature = _chosen(moved, there[2], curvature)
        damping = damped(damping, better)
        fell = np.where(better, loss - there[0], 0)
        loss = np.where(better, there[0], loss)
        if not ((fell > _TOLERANCE * loss) | ~better)[damping < MOST].any():
            break
    return Peaks(peaks.spectrum, *theta.T.astype(magnitudes.dtype)), loss.astype(magnitudes.dtype)


def _linearized(magnitudes: Array, peaks: Peaks, theta: Array, width: float) -> tuple[Array, Array, Array]:
    """Loss of every spectrum, gradient [shape=(peaks, 3)], and products of the derivatives of each peak with its own
    and those of the next ones [shape=(neighbours, peaks, 3, 3)].
    """
    there = Peaks(peaks.spectrum, *theta.T)
    gaussians = _Gaussians.of(there, magnitudes.shape[1], reach_of(width))
    sigma = there.width[:, np.newaxis]
    amplitude = there.amplitude[:, np.newaxis]
    by_position = amplitude * gaussians.height * gaussians.distance / sigma**2
    jacobian = np.stack([gaussians.height, by_position, by_position * gaussians.distance / sigma], axis=1)
    residual = gaussians.spread(amplitude * gaussians.height, magnitudes.shape) - magnitudes
    gradient = (jacobian @ gaussians.gathered(residual)[..., np.newaxis])[..., 0]
    return (residual**2).sum(axis=1) / 2, gradient, _neighbour_products(jacobian, gaussians)


def _chosen(moved: NDArray[np.bool_], new: Array, old: Array) -> Array:
    """The products of the peaks that moved, and the old ones of the others, which may have other neighbours."""
    reach = max(len(new), len(old))
    new, old = (np.pad(products, ((0, reach - len(products)), (0, 0), (0, 0), (0, 0))) for products in (new, old))
    return np.where(moved[:, np.newaxis, np.newaxis], new, old)


def _neighbour_products(jacobian: Array, gaussians: _Gaussians) -> Array:
    """Sums over bins of the derivatives of each peak times those of the peaks after it that it overlaps."""
    reach, middle = gaussians.reach, gaussians.nearest
    products = [jacobian @ jacobian.mT]
    for apart in range(1, len(middle)):
        distance = middle[apart:] - middle[:-apart]
        overlaps = np.flatnonzero(abs(distance) <= 2 * reach)
        # Later ones lie no nearer, but for what peaks can have moved.
        if abs(distance).min() > 2 * (reach + _DOMINATES):
            break
        # Bins of the first peak, counted from the window of the second.
        shifted = np.arange(2 * reach + 1) - distance[overlaps, np.newaxis]
        inside = (shifted >= 0) & (shifted <= 2 * reach)
        second = (
            np.take_along_axis(jacobian[overlaps + apart], np.where(inside, shifted, 0)[:, np.newaxis], axis=2)
            * inside[:, np.newaxis]
        )
        product = np.zeros_like(products[0])
        product[overlaps] = second @ jacobian[overlaps].mT
        products.append(product)
    return np.stack(products)


def _step(curvature: Array, gradient: Array, theta: Array, bounds: tuple[Array, Array], damping: Array) -> Array:
    """The damped Gauss-Newton step of the parameters that no bound holds [shape=(peaks, 3)]."""
    free = ~(((theta <= bounds[0]) & (gradient > 0)) | ((theta >= bounds[1]) & (gradient < 0)))
    diagonal = np.einsum("pii->pi", curvature[0])
    scale = np.where(free & (diagonal > 0), 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1)), 0)
    neighbours, count = curvature.shape[:2]
    banded = np.zeros((3 * neighbours, 3 * count))
    for apart in range(neighbours):
        first, second = scale[: count - apart], scale[apart:]
        scaled = curvature[apart, : count - apart] * second[:, :, np.newaxis] * first[:, np.newaxis, :]
        for row in range(3):
            for column in range(3):
                below = 3 * apart + row - column
                if below >= 0:
                    banded[below, column : 3 * (count - apart) : 3] = scaled[:, row, column]
    banded[0] = np.where(scale.ravel() > 0, 1 + np.repeat(damping, 3), 1)
    solved = scipy.linalg.solveh_banded(banded, (gradient * scale).ravel(), lower=True, check_finite=False)
    step: Array = -solved.reshape(-1, 3) * scale
    return step
