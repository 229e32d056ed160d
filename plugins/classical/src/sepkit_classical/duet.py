"""The method `duet`: sources by the level and the delay between two channels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit_classical.config import DUETConfig
from sepkit_classical.stereo import remark_on_one_place, stem_names

Array = NDArray[np.floating]
Complex = NDArray[np.complexfloating]

_SMOOTHING = 1.0
"""Of the histogram: standard deviation in classes."""
_APART = 3
"""Classes between two peaks."""
_LEAST = 1e-3
"""Height of a peak beside the highest."""


class DUET(Separator[DUETConfig]):
    """The degenerate unmixing estimation technique.

    Where sources hardly overlap in time and frequency, each bin is of one, and the level and the delay between both
    channels tell which. A histogram of them has a peak for every source; every bin goes to the source whose level and
    delay explain it best.

    References
    ----------
    Ö. Yılmaz and S. Rickard, "Blind separation of speech mixtures via time-frequency masking", IEEE TSP 52(7), 2004.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, samples, rate = self.config, problem.mixture.samples, problem.mixture.sample_rate
        remark_on_one_place(samples, run)
        names = stem_names(problem, config.count)
        stft = STFT.of_duration(config.window_s, config.overlap, rate)
        omega = 2 * np.pi * stft.bins_hz(rate)
        blocks = list(stft.blocks(samples.shape[-1]))
        histogram = np.zeros((config.attenuations, config.delays))
        for index in run.steps(len(blocks), "find places"):
            left, right = stft.forward(samples, blocks[index])
            histogram += place_histogram(left, right, omega, config)
        places = peaks(histogram, len(names), config)
        if len(places) < len(names) and histogram.any():
            run.remark(
                f"the stereo image has places for {len(places)} of {len(names)} sources; ask for fewer, or change "
                "largest_attenuation and largest_delay_s"
            )

        def masks(block: slice) -> Array:
            left, right = stft.forward(samples, block)
            missed = np.stack([misfit(left, right, omega, *place) for place in places])
            floor = np.finfo(np.float32).tiny + 1e-12 * missed.max()
            found = soft_masks(1 / (missed + floor), np.inf if config.mask == "binary" else 1.0)
            return np.concatenate([found, np.zeros((len(names) - len(places), *found.shape[1:]), found.dtype)])

        stems = stft.filter(samples, masks, len(names), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem, rate) for name, stem in zip(names, stems, strict=True)}


def place_histogram(left: Complex, right: Complex, omega: Array, config: DUETConfig) -> Array:
    """Weighted histogram of symmetric attenuation and delay [shape=(attenuations, delays)].

    Parameters
    ----------
    left, right : ndarray [shape=(bins, frames)]
    omega : ndarray [shape=(bins,)]
        Angular frequencies in radians a second.
    config : DUETConfig
    """
    # At 0 Hz there is no delay; beyond half a turn it is ambiguous.
    told = np.flatnonzero((omega > 0) & (omega * config.largest_delay_s < np.pi))
    left, right, omega = left[told], right[told], omega[told, np.newaxis]
    heard = (left != 0) & (right != 0)
    ratio = np.divide(right, left, out=np.ones_like(left), where=heard)
    level = np.abs(ratio)
    attenuation = level - 1 / level
    delay_s = -np.angle(ratio) / omega
    weights = np.where(heard, np.abs(left * right) ** config.amplitude_weight * omega**config.frequency_weight, 0)
    limits = (config.largest_attenuation, config.largest_delay_s)
    # What lies far to one side belongs to the last class, and a delay out of range to none.
    inside = (np.abs(delay_s) <= limits[1]) & heard
    histogram, _, _ = np.histogram2d(
        np.clip(attenuation[inside], -limits[0], limits[0]),
        delay_s[inside],
        bins=(config.attenuations, config.delays),
        range=[(-limit, limit) for limit in limits],
        weights=weights[inside],
    )
    return np.asarray(histogram)


def peaks(histogram: Array, count: int, config: DUETConfig) -> list[tuple[float, float]]:
    """Level of the right channel over the left one and delay in seconds of the highest peaks, from left to right.

    At least one; fewer than `count` where there are no more.
    """
    import scipy.ndimage

    smooth = scipy.ndimage.gaussian_filter(histogram, _SMOOTHING, mode="constant")
    highest = scipy.ndimage.maximum_filter(smooth, 2 * _APART + 1, mode="constant")
    places = np.argwhere((smooth == highest) & (smooth > _LEAST * smooth.max()))
    found = sorted(places, key=lambda place: -smooth[tuple(place)])[:count]
    if not found:
        return [(1.0, 0.0)]
    return sorted(_place(smooth, one, config) for one in found)


def _place(histogram: Array, peak: NDArray[np.intp], config: DUETConfig) -> tuple[float, float]:
    """The mean of a peak and the classes around it."""
    corner = np.maximum(peak - 1, 0)
    around = histogram[tuple(slice(start, stop + 2) for start, stop in zip(corner, peak, strict=True))]
    middle = [
        float((around.sum(axis=1 - axis) @ (np.arange(around.shape[axis]) + corner[axis])) / around.sum())
        for axis in (0, 1)
    ]
    widths = 2 * np.array([config.largest_attenuation, config.largest_delay_s]) / histogram.shape
    attenuation, delay_s = (np.array(middle) + 0.5) * widths - (config.largest_attenuation, config.largest_delay_s)
    return float((attenuation + np.sqrt(attenuation**2 + 4)) / 2), float(delay_s)


def misfit(left: Complex, right: Complex, omega: Array, level: float, delay_s: float) -> Array:
    """What a source at this level and delay cannot explain of both channels [shape=(bins, frames)]."""
    turned = np.complex64(level) * np.exp(-1j * omega * delay_s).astype(np.complex64)[:, np.newaxis]
    return np.asarray(np.square(np.abs(turned * left - right)) / np.float32(1 + level**2))
