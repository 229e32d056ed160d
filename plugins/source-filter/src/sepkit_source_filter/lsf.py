"""Line spectral frequencies: all-pole filters that stay stable whatever a gradient does to them.

A filter ``1 / A(z)`` of even order p has p line spectral frequencies, angles that increase strictly in (0, pi). From
them follow the coefficients, as a product of second-order sections, and the magnitude of the response in closed form,
without any recursion over samples.

References
----------
Itakura, "Line spectrum representation of linear predictor coefficients of speech signals", JASA 57, 1975.
Schulze-Forster et al., "Unsupervised music source separation using differentiable parametric source models", IEEE/ACM
TASLP 31, 2023 (as parameters of a differentiable model).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LEAST_GAP = 0.02
"""Radians between neighbours: where they meet, poles come to lie on the unit circle."""
_TINY = 1e-7
_LAG, _WHITE = 0.024, 1e-5
"""Width of the Gaussian by which resonances are widened, in radians, and white noise beside the power."""


def lsf_of_logits(logits: Tensor) -> Tensor:
    """Frequencies whose gaps are shares of pi, none smaller than `LEAST_GAP`.

    Parameters
    ----------
    logits : Tensor [shape=(..., order + 1)]

    Returns
    -------
    lsf : Tensor [shape=(..., order)]
        In radians.
    """
    gaps = logits.shape[-1]
    free = torch.softmax(logits, dim=-1) * (math.pi - gaps * LEAST_GAP)
    return torch.cumsum(free + LEAST_GAP, dim=-1)[..., :-1]


def logits_of_lsf(lsf: Tensor) -> Tensor:
    """Logits that give these frequencies [shape=(..., order + 1)], gaps below `LEAST_GAP` widened."""
    edges = torch.nn.functional.pad(torch.nn.functional.pad(lsf, (1, 0)), (0, 1), value=math.pi)
    logits = (edges.diff(dim=-1) - LEAST_GAP).clamp_min(LEAST_GAP / 20).log()
    return logits - logits.mean(dim=-1, keepdim=True)


def lpc_of_lsf(lsf: Tensor) -> Tensor:
    """Coefficients of ``A(z)``, the first being 1 [shape=(..., order + 1)], from an even number of frequencies."""
    one = torch.ones_like(lsf[..., :1])
    symmetric, antisymmetric = torch.cat([one, one], dim=-1), torch.cat([one, -one], dim=-1)
    for number in range(0, lsf.shape[-1], 2):
        symmetric = _times_section(symmetric, lsf[..., number])
        antisymmetric = _times_section(antisymmetric, lsf[..., number + 1])
    return ((symmetric + antisymmetric) / 2)[..., :-1]


def _times_section(polynomial: Tensor, frequency: Tensor) -> Tensor:
    """Times ``1 - 2 cos(frequency) / z + 1 / z^2``."""
    pad = torch.nn.functional.pad
    middle = -2 * torch.cos(frequency)[..., None] * pad(polynomial, (1, 1))
    return pad(polynomial, (0, 2)) + middle + pad(polynomial, (2, 0))


def lsf_of_lpc(lpc: NDArray[np.floating]) -> NDArray[np.float64]:
    """Line spectral frequencies of stable filters [shape=(..., order)].

    Parameters
    ----------
    lpc : ndarray [shape=(..., order + 1)]
        Coefficients of ``A(z)``, the first being 1, the order even.
    """
    flat = np.asarray(lpc, np.float64).reshape(-1, lpc.shape[-1])
    padded = np.pad(flat, ((0, 0), (0, 1)))
    # Both polynomials without the root that they always have, at -1 and at 1.
    symmetric = _divided(padded + padded[:, ::-1], -1.0)
    antisymmetric = _divided(padded - padded[:, ::-1], 1.0)
    angles = [np.abs(np.angle(_roots(polynomial))) for polynomial in (symmetric, antisymmetric)]
    # Roots come in conjugate pairs.
    lsf = np.concatenate([np.sort(one, axis=1)[:, ::2] for one in angles], axis=1)
    return np.sort(lsf, axis=1).reshape(*lpc.shape[:-1], -1)


def _divided(polynomials: NDArray[np.float64], root: float) -> NDArray[np.float64]:
    """Every polynomial without one of its roots, by synthetic division."""
    quotient = polynomials[:, :-1].copy()
    for power in range(1, quotient.shape[1]):
        quotient[:, power] += root * quotient[:, power - 1]
    return quotient


def _roots(polynomials: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Roots of every monic polynomial: eigenvalues of its companion matrix."""
    order = polynomials.shape[1] - 1
    companion = np.zeros((len(polynomials), order, order))
    companion[:, np.arange(1, order), np.arange(order - 1)] = 1
    companion[:, 0] = -polynomials[:, 1:] / polynomials[:, :1]
    return np.linalg.eigvals(companion).astype(np.complex128)


def log_gain(lsf: Tensor, cosines: Tensor) -> Tensor:
    """Natural logarithm of ``|1 / A|`` in closed form.

    Parameters
    ----------
    lsf : Tensor [shape=(..., order)]
        An even number of them.
    cosines : Tensor [shape=(frequencies,)]
        Of the angular frequencies at which the gain is wanted.

    Returns
    -------
    log_gain : Tensor [shape=(..., frequencies)]
    """
    distances = torch.log((cosines - torch.cos(lsf)[..., None]).abs() + _TINY)
    symmetric = 2 * distances[..., 0::2, :].sum(dim=-2) + torch.log(((1 + cosines) / 2).clamp_min(_TINY**2))
    antisymmetric = 2 * distances[..., 1::2, :].sum(dim=-2) + torch.log(((1 - cosines) / 2).clamp_min(_TINY**2))
    return -(lsf.shape[-1] * math.log(2) + torch.logaddexp(symmetric, antisymmetric)) / 2


def lpc_of_power(power: NDArray[np.floating], order: int) -> NDArray[np.float64]:
    """Coefficients of the all-pole filters that fit power spectra, by Levinson's recursion [shape=(..., order + 1)].

    Parameters
    ----------
    power : ndarray [shape=(..., frequencies)]
        At equally spaced frequencies from zero to half the sample rate, both included.
    order : int
    """
    correlation = np.fft.irfft(power, axis=-1)[..., : order + 1]
    # White noise and narrow lags keep resonances from becoming poles on the unit circle.
    correlation = correlation * np.exp(-0.5 * (_LAG * np.arange(order + 1)) ** 2)
    correlation[..., 0] = correlation[..., 0] * (1 + _WHITE) + np.finfo(float).tiny
    lpc = np.zeros_like(correlation)
    lpc[..., 0] = 1
    error = correlation[..., 0].copy()
    for size in range(1, order + 1):
        backward = correlation[..., size:0:-1]
        reflection = -np.sum(lpc[..., :size] * backward, axis=-1) / error
        lpc[..., 1 : size + 1] += reflection[..., np.newaxis] * lpc[..., size - 1 :: -1][..., :size].copy()
        error *= 1 - reflection**2
    return np.asarray(lpc)
