r"""The model of tones on linear bins with phases, for torch to differentiate.

It is that of `sepkit_sparse_pursuit`: a tone of instrument :math:`i` has partials of amplitudes :math:`a D_{ih}` at
:math:`f_h = f_1 h \sqrt{1 + b h^2}`, each a Gaussian in the spectrum. Here each also has a phase, which is that of the
prediction :math:`d` of the tone's spectrum by the network:

.. math:: c = \arg\min_c \|G c - d\|^2 + 10^{-3} \|c\|^2, \qquad
          y_{dir} = \sum_h c_h G_h, \qquad y = \sum_h a D_{ih} \frac{c_h}{|c_h|} G_h,

where the columns of :math:`G` are the Gaussians. Complex spectra have an axis of length 2 for real and imaginary part.

References
----------
Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks trained
via policy gradients", Signals 2(4), 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor

_RIDGE = 1e-3
_TINY = 1e-12
"""Added below square roots, whose slope at 0 has no bounds: harmonics above the last bin are exactly 0."""


def partial_bins(fundamental: Tensor, inharmonicity: Tensor, harmonics: int) -> Tensor:
    """Where the partials lie.

    Parameters
    ----------
    fundamental : Tensor [shape=(...)]
        f, in bins.
    inharmonicity : Tensor [shape=(...)]
        b.
    harmonics : int
        H.

    Returns
    -------
    centres : Tensor [shape=(..., H)]
        In bins.
    """
    h = torch.arange(1, harmonics + 1, dtype=fundamental.dtype, device=fundamental.device)
    return fundamental[..., None] * h * (1 + inharmonicity[..., None] * h**2).sqrt()


def gaussians(centres: Tensor, width: Tensor, bins: int) -> Tensor:
    """G, the partials at height 1.

    Parameters
    ----------
    centres : Tensor [shape=(..., H)]
        In bins.
    width : Tensor [shape=(...)]
        Standard deviation, in bins.
    bins : int

    Returns
    -------
    G : Tensor [shape=(..., H, bins)]
    """
    distance = torch.arange(bins, dtype=centres.dtype, device=centres.device) - centres[..., None]
    return torch.exp(-0.5 * (distance / width[..., None, None]) ** 2)


def fit_harmonics(G: Tensor, direct: Tensor) -> Tensor:
    """The complex amplitudes of the partials that come nearest to a spectrum, by ridge regression.

    Parameters
    ----------
    G : Tensor [shape=(..., H, bins)]
    direct : Tensor [shape=(..., 2, bins)]

    Returns
    -------
    c : Tensor [shape=(..., 2, H)]
    """
    gram = G @ G.mT + _RIDGE * torch.eye(G.shape[-2], dtype=G.dtype, device=G.device)
    # Without the check that would raise: what is no number is told apart by where it leads.
    factor = torch.linalg.cholesky_ex(gram).L
    return torch.cholesky_solve(G @ direct.mT, factor).mT


def magnitude(z: Tensor, axis: int = -2) -> Tensor:
    """|z|, never exactly 0; the axis of real and imaginary part stays, with length 1."""
    return (z.square().sum(dim=axis, keepdim=True) + _TINY).sqrt()


def model_spectrum(G: Tensor, amplitudes: Tensor, c: Tensor) -> Tensor:
    """y: partials of the model's amplitudes with the phases of c.

    Parameters
    ----------
    G : Tensor [shape=(..., H, bins)]
    amplitudes : Tensor [shape=(..., H)]
        a D.
    c : Tensor [shape=(..., 2, H)]

    Returns
    -------
    y : Tensor [shape=(..., 2, bins)]
    """
    return (amplitudes[..., None, :] * c / magnitude(c)) @ G
