"""Nonnegative matrix factor deconvolution of any nonnegative matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from sepkit import Density
from sepkit_nmf.checks import check_data, check_factor, check_solver, check_support, free_rows
from sepkit_nmf.factorization import descend
from sepkit_nmf.model import Factor, Projection
from sepkit_nmfd.model import ConvolutiveModel

Array = NDArray[np.floating]

SOLVERS = ("mu", "mue")


@dataclass(frozen=True, eq=False)
class Deconvolution:
    """The outcome of `deconvolve`.

    Attributes
    ----------
    W : ndarray [shape=(bins, atoms, lags)]
        Templates.
    H : ndarray [shape=(atoms, frames)]
        Activations.
    costs : list of float
        The cost at the start, every tenth iteration, and the end.
    iterations : int
        How many iterations were done.
    converged : bool
        Whether the cost stopped falling before the iterations ran out.
    """

    W: Array
    H: Array
    costs: list[float] = field(repr=False)
    iterations: int
    converged: bool


def deconvolve(
    V: Array,
    W: Array,
    H: Array,
    *,
    beta: float = 1.0,
    solver: str = "mue",
    max_iterations: int = 100,
    tolerance: float = 1e-4,
    support_w: npt.ArrayLike | None = None,
    support_h: npt.ArrayLike | None = None,
    free_w: npt.ArrayLike = True,
    free_h: npt.ArrayLike = True,
    densities_w: Sequence[Density] = (),
    densities_h: Sequence[Density] = (),
    project_w: Projection | None = None,
    project_h: Projection | None = None,
    steps: Callable[[int], Iterable[object]] = range,
) -> Deconvolution:
    r"""Approximate ``V`` by :math:`\Lambda = \sum_\tau W_\tau H^{\to\tau}`, all nonnegative, from a given start.

    Templates are short spectrograms, and :math:`H^{\to\tau}` are the activations moved to the right by :math:`\tau`
    frames [1]_. Updates are those of the majorise-minimise proof for the whole sum [2]_, so the cost never rises unless
    a projection interferes. With one lag it is `sepkit_nmf.factorize`.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
        Nonnegative data, float32 or float64; the computation is in this type.
    W : ndarray [shape=(bins, atoms, lags)]
        Templates to start from.
    H : ndarray [shape=(atoms, frames)]
        Activations to start from.
    beta : float
        The divergence: 2 Euclidean, 1 Kullback-Leibler, 0 Itakura-Saito.
    solver : {"mu", "mue"}
        Multiplicative updates (any ``beta``), or the same with extrapolation (``beta`` in [1, 2]).
    max_iterations, tolerance
        As of `sepkit_nmf.factorize`.
    support_w, support_h : array_like of bool [shape=(bins, atoms * lags)], [shape=(atoms, frames)], optional
        Outside its support a factor is exactly zero. Column ``r * lags + lag`` of the templates is one lag of atom r.
    free_w, free_h : bool or array_like of bool [shape=(atoms,)]
        Which atoms are updated.
    densities_w, densities_h : sequence of Density
        Priors of the factors, the templates having the shape (bins, atoms * lags).
    project_w, project_h : callable, optional
        Applied to a factor after each of its updates, the templates having the shape (bins, atoms * lags).
    steps : callable
        From a number of iterations to an iterable of that length.

    Returns
    -------
    Deconvolution

    Raises
    ------
    ValueError
        When an argument is out of its range; the message names the remedy.

    References
    ----------
    .. [1] P. Smaragdis, "Non-negative matrix factor deconvolution; extraction of multiple sound sources from
       monophonic inputs", ICA 2004.
    .. [2] C. Févotte and J. Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence", Neural
       Computation 23(9), 2011: the majoriser, here of all lags together.
    """
    check_data(V)
    check_solver(solver, beta, SOLVERS, max_iterations, tolerance, 0.0)
    bins, frames = V.shape
    if np.ndim(W) != 3 or 0 in np.shape(W):
        raise ValueError(f"W has shape {np.shape(W)}; start from templates of shape (bins, atoms, lags)")
    atoms, lags = np.shape(W)[1:]
    flat = check_factor("W", np.reshape(W, (len(W), atoms * lags)), (bins, atoms * lags))
    # One that is fixed is so at all its lags.
    free_rows("free_w", free_w, atoms)
    templates = Factor(
        np.array(flat.T, dtype=V.dtype, order="C"),
        is_templates=True,
        support=check_support("support_w", support_w, (bins, atoms * lags), transpose=True),
        rows=free_rows("free_w", np.repeat(np.broadcast_to(free_w, (atoms,)), lags), atoms * lags),
        densities=densities_w,
        project=project_w,
    )
    activations = Factor(
        np.array(check_factor("H", H, (atoms, frames)), dtype=V.dtype, order="C"),
        is_templates=False,
        support=check_support("support_h", support_h, (atoms, frames), transpose=False),
        rows=free_rows("free_h", free_h, atoms),
        densities=densities_h,
        project=project_h,
    )
    model = ConvolutiveModel(V, templates, activations, beta=beta, lags=lags)
    costs, iterations, converged = descend(model, solver, max_iterations, tolerance, steps)
    W_out = np.ascontiguousarray(templates.values.T).reshape(bins, atoms, lags)
    return Deconvolution(W_out, activations.values, costs, iterations, converged)


def normalize_lagged(W: Array, H: Array) -> tuple[Array, Array]:
    """Let each template sum to one over bins and lags, and give its activations the inverse scale.

    Parameters
    ----------
    W : ndarray [shape=(bins, atoms, lags)]
        Templates that are all zero stay so.
    H : ndarray [shape=(atoms, frames)]

    Returns
    -------
    W, H : ndarray
        New arrays with the same model.
    """
    scale = W.sum(axis=(0, 2), dtype=np.float64)
    scale = np.where(scale > 0, scale, 1.0)
    return (W / scale[:, np.newaxis]).astype(W.dtype), (H * scale[:, np.newaxis]).astype(H.dtype)
