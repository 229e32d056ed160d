"""The convolutive model: every template is a short spectrogram, and an activation starts all of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit_nmf.active import ActiveBlock, whole_blocks
from sepkit_nmf.model import COST_ELEMENTS, PASS_ELEMENTS, Factor, Model

Array = NDArray[np.floating]


def stacked(H: Array, block: slice, lags: int) -> Array:
    """The activations of some frames beside those of up to `lags` - 1 frames before, an atom and a lag a row.

    Parameters
    ----------
    H : ndarray [shape=(atoms, frames)]
    block : slice
    lags : int

    Returns
    -------
    shifted : ndarray [shape=(atoms * lags, block)]
        Row ``r * lags + lag`` is ``H[r]``, moved to the right by ``lag`` frames; zero before the first frame.
    """
    first = block.start - (lags - 1)
    reach = H[:, max(0, first) : block.stop]
    padded = np.pad(reach, ((0, 0), (max(0, -first), 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, lags, axis=1)
    # Windows end at their frame, so lags count from their end.
    by_lag = windows[:, :, ::-1].transpose(0, 2, 1)
    return by_lag.reshape(len(H) * lags, -1)


def add_folded(products: Array, sums: Array, block: slice, lags: int) -> None:
    """Add what `stacked` spread out, moved back by its lags: the adjoint of `stacked`, in place.

    Parameters
    ----------
    products : ndarray [shape=(atoms * lags, block)]
    sums : ndarray [shape=(atoms, frames)]
        Added to.
    block : slice
    lags : int
    """
    by_lag = products.reshape(len(sums), lags, -1)
    for lag in range(lags):
        first = max(0, block.start - lag)
        sums[:, first : max(first, block.stop - lag)] += by_lag[:, lag, first + lag - block.start :]


class ConvolutiveModel(Model):
    """Data and factors of NMFD, with the same passes over the data as those of NMF.

    An atom and a lag make a row of the templates: with the activations stacked alike, the model is one matrix product,
    and so is the gradient in either factor.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    templates : Factor
        Values of shape (atoms * lags, bins).
    activations : Factor
        Values of shape (atoms, frames).
    beta : float
    lags : int

    References
    ----------
    P. Smaragdis, "Non-negative matrix factor deconvolution; extraction of multiple sound sources from monophonic
    inputs", ICA 2004.
    """

    def __init__(self, V: Array, templates: Factor, activations: Factor, *, beta: float, lags: int) -> None:
        self.lags = lags
        super().__init__(V, templates, activations, beta=beta)

    def _cut(self, shape: tuple[int, ...]) -> tuple[list[ActiveBlock], list[ActiveBlock]]:
        return whole_blocks(shape, PASS_ELEMENTS), whole_blocks(shape, COST_ELEMENTS)

    def sounding(self, H: Array, block: ActiveBlock) -> Array:
        return stacked(H, block.frames, self.lags)

    def gradient_parts(self, factor: Factor, start: Array) -> tuple[Array, Array]:
        other = self.other(factor).values
        W, H = (start, other) if factor is self.templates else (other, start)
        numerator = np.zeros(start.shape, start.dtype)
        denominator = self._sums(factor, W, H) if self.beta == 1 else np.zeros(start.shape, start.dtype)
        for block in self.blocks:
            now = self.sounding(H, block)
            # For the templates V ⊙ Λ^(β-2) and Λ^(β-1) times all shifts of H at once, for the activations all W_τ times
            # them, moved back.
            for part, weight in zip(
                (numerator, denominator),
                self.derivative_weights(W, now, self.data[block.frames]),
                strict=False,
            ):
                if factor is self.templates:
                    part += now @ weight
                else:
                    add_folded(W @ weight.T, part, block.frames, self.lags)
        return numerator[factor.rows], denominator[factor.rows]

    def _sums(self, factor: Factor, W: Array, H: Array) -> Array:
        """The denominators for beta 1, where Λ^(β-1) is all ones: sums of what the factor is multiplied with."""
        frames = H.shape[1]
        if factor is self.templates:
            # What is moved to the right leaves at the end.
            cumulative = np.cumsum(H, axis=1, dtype=np.float64)
            last = np.maximum(frames - np.arange(self.lags), 0)
            padded = np.concatenate([np.zeros((len(H), 1)), cumulative], axis=1)
            return padded[:, last].reshape(-1, 1).astype(H.dtype)
        energy = np.cumsum(W.sum(axis=1, dtype=np.float64).reshape(len(H), self.lags), axis=1)
        # At the n-th frame before the end only the first n lags are heard.
        heard = np.minimum(np.arange(frames, 0, -1), self.lags) - 1
        return energy[:, heard].astype(H.dtype)
