"""Joint refinement of amplitudes, positions, widths and inharmonicities of all tones of a spectrum.

The papers minimise by L-BFGS-B, one spectrum at a time. Here Levenberg and Marquardt's method, projected onto the
bounds, does it for many spectra at once: the problem is one of least squares with few parameters and many bins.

References
----------
Kanzow, Yamashita and Fukushima, "Levenberg–Marquardt methods with strong local convergence properties for solving
nonlinear equations with convex constraints", Journal of Computational and Applied Mathematics 172(2), 2004.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sepkit_sparse_pursuit.damping import FIRST, MOST, damped
from sepkit_sparse_pursuit.log_axis import LogAxis
from sepkit_sparse_pursuit.tones import WIDTHS, Array, Partials, Tones, pattern_derivatives, patterns, reach_of

LIFTED_FROM = 1e-7
"""Added to magnitudes before they are lifted, where the slope of the power would be infinite."""

_MOST_INHARMONICITY = 2e-3


@dataclass(frozen=True, eq=False)
class ToneModel:
    """What tones look like on an axis.

    Parameters
    ----------
    axis : LogAxis
    width : float
        Nominal width of the Gaussians, in bins; fitted ones are from 0.8 to 1.5 times as wide.
    exponent : float
        q: magnitudes are compared as their powers. At 1/2, quiet partials count for more than at 1.
    """

    axis: LogAxis
    width: float
    exponent: float = 0.5

    @property
    def reach(self) -> int:
        """How many bins the Gaussians are followed to both sides."""
        return reach_of(self.width)

    def lifted(self, magnitudes: Array) -> Array:
        """(y + 1e-7)^q."""
        raised: Array = (magnitudes + magnitudes.dtype.type(LIFTED_FROM)) ** magnitudes.dtype.type(self.exponent)
        return raised

    def lift_slopes(self, lifted: Array) -> Array:
        """The derivative of the lifted magnitude by the magnitude, from the lifted one."""
        power = lifted.dtype.type((self.exponent - 1) / self.exponent)
        slopes: Array = lifted.dtype.type(self.exponent) * lifted**power
        return slopes

    def partials(self, tones: Tones, harmonics: int) -> Partials:
        """The Gaussians of all partials of `tones`."""
        return Partials.of(self.axis, tones, harmonics, self.reach)

    def magnitudes(self, tones: Tones, weights: Array) -> Array:
        """What every tone adds to its spectrum [shape=(spectra, tones, bins)]; `weights` as in `patterns`."""
        return tones.amplitude[..., np.newaxis] * patterns(self.partials(tones, weights.shape[-1]), weights)


@dataclass(frozen=True, eq=False)
class _Linearized:
    """The loss [shape=(spectra,)], its gradient [shape=(spectra, 4 tones)] and the products of the derivatives
    [shape=(spectra, 4 tones, 4 tones)].
    """

    loss: Array
    gradient: Array
    curvature: Array


def refine(
    model: ToneModel, lifted: Array, tones: Tones, weights: Array, *, iterations: int = 12, tolerance: float = 1e-2
) -> tuple[Tones, Array]:
    """Fit all parameters of the tones of each spectrum jointly.

    Parameters
    ----------
    model : ToneModel
    lifted : ndarray [shape=(spectra, bins)]
        Spectra, lifted.
    tones : Tones
        The start.
    weights : ndarray [shape=(spectra, tones, harmonics)]
        The dictionary's row of every tone.
    iterations : int
        At most so many.
    tolerance : float
        A spectrum is done when its loss fell by less than this fraction.

    Returns
    -------
    tones : Tones
    loss : ndarray [shape=(spectra,)]
        Half the squared distance of the lifted spectra. It never rises.
    """
    theta = _parameters(tones)
    low, high = _bounds(model, tones)
    at = _linearized(model, lifted, tones, weights)
    loss = at.loss.copy()
    damping = np.full(len(lifted), FIRST, lifted.dtype)
    going = np.arange(len(lifted))
    for _ in range(iterations):
        if not len(going):
            break
        proposed = np.clip(theta[going] + _step(at, theta[going], low, high, damping[going]), low, high)
        there = _linearized(model, lifted[going], _with_parameters(tones[going], proposed), weights[going])
        better = there.loss < loss[going]
        fell = np.where(better, loss[going] - there.loss, np.inf)
        theta[going[better]] = proposed[better]
        damping[going] = damped(damping[going], better)
        loss[going[better]] = there.loss[better]
        stays = (fell > tolerance * loss[going]) & (damping[going] < MOST)
        at = _Linearized(
            *(
                np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)[stays]
                for new, old in (
                    (there.loss, at.loss),
                    (there.gradient, at.gradient),
                    (there.curvature, at.curvature),
                )
            )
        )
        going = going[stays]
    return _with_parameters(tones, theta), loss


def _parameters(tones: Tones) -> Array:
    """As one vector for each spectrum [shape=(spectra, 4 tones)]."""
    return np.hstack([tones.amplitude, tones.position, tones.width, tones.inharmonicity])


def _with_parameters(tones: Tones, theta: Array) -> Tones:
    amplitude, position, width, inharmonicity = np.split(theta, 4, axis=1)
    return replace(tones, amplitude=amplitude, position=position, width=width, inharmonicity=inharmonicity)


def _bounds(model: ToneModel, tones: Tones) -> tuple[Array, Array]:
    """Least and largest value of every parameter [shape=(4 tones,)]."""
    low, high = WIDTHS[0] * model.width, WIDTHS[1] * model.width
    # A tone that leaves the axis explains nothing: how far it runs does not matter.
    bins = model.axis.bins
    bounds = np.array([(0, np.inf), (-bins, bins), (low, high), (0, _MOST_INHARMONICITY)], tones.amplitude.dtype)
    lows, highs = np.repeat(bounds, tones.amplitude.shape[1], axis=0).T
    return lows, highs


def _linearized(model: ToneModel, lifted: Array, tones: Tones, weights: Array) -> _Linearized:
    partials = model.partials(tones, weights.shape[-1])
    amplitude = tones.amplitude[..., np.newaxis]
    by_amplitude = patterns(partials, weights)
    others = pattern_derivatives(partials, weights, tones.width)
    fitted = model.lifted((amplitude * by_amplitude).sum(axis=1))
    jacobian = np.concatenate([by_amplitude, *(amplitude * other for other in others)], axis=1)
    jacobian *= model.lift_slopes(fitted)[:, np.newaxis]
    residual = fitted - lifted
    return _Linearized(
        loss=(residual**2).sum(axis=1) / 2,
        gradient=(jacobian @ residual[..., np.newaxis])[..., 0],
        curvature=jacobian @ jacobian.mT,
    )


def _step(at: _Linearized, theta: Array, low: Array, high: Array, damping: Array) -> Array:
    """The damped Gauss-Newton step of the parameters that no bound holds."""
    held = ((theta <= low) & (at.gradient > 0)) | ((theta >= high) & (at.gradient < 0))
    free = ~held
    curvature = at.curvature * (free[:, :, np.newaxis] & free[:, np.newaxis, :])
    diagonal = np.einsum("...ii->...i", curvature)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1))
    scaled = curvature / (scale[:, :, np.newaxis] * scale[:, np.newaxis, :])
    np.einsum("...ii->...i", scaled)[:] = 1 + damping[:, np.newaxis]
    solved = np.linalg.solve(scaled, (np.where(free, at.gradient, 0) / scale)[..., np.newaxis])[..., 0]
    step: NDArray[np.floating] = np.where(free, -solved / scale, 0)
    return step
