"""The autoencoder: a spectrogram to activations and back.

References
----------
Smaragdis and Venkataramani, "A neural network alternative to non-negative audio models", ICASSP 2017.
Ewert and Sandler, "Structured dropout for weak label and multi-instance learning and its application to score-informed
source separation", ICASSP 2017.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Autoencoder(nn.Module):
    r"""Two layers without biases, ``H = φ(W_E X)`` and ``V̂ = φ(W_D H)``, φ being the ReLU.

    Hidden layers, if there are any, add to what these two see: ``φ(W_E X + f(X))`` and ``φ(W_D H + g(W_D H))``, so that
    templates stay what they are. The weights are left for others to fill.

    Parameters
    ----------
    bins, atoms : int
    context_frames : int
        The encoder sees so many frames before and after each.
    encoder_hidden, decoder_hidden : sequence of int
        Widths of the hidden layers, f and g.

    Attributes
    ----------
    encoder : Parameter [shape=(atoms, (2 * context_frames + 1) * bins)]
        W_E.
    decoder : Parameter [shape=(bins, atoms)]
        W_D.
    """

    def __init__(
        self,
        bins: int,
        atoms: int,
        *,
        context_frames: int = 0,
        encoder_hidden: Sequence[int] = (),
        decoder_hidden: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.context_frames = context_frames
        inputs = (2 * context_frames + 1) * bins
        self.encoder = nn.Parameter(torch.empty(atoms, inputs))
        self.decoder = nn.Parameter(torch.empty(bins, atoms))
        self.encoder_layers = _layers(inputs, encoder_hidden, atoms)
        self.decoder_layers = _layers(bins, decoder_hidden, bins)

    @torch.no_grad()
    def fill_hidden(self, generator: torch.Generator) -> None:
        """Draw the hidden layers, those that end them being zero: at first they add nothing."""
        for layers in (self.encoder_layers, self.decoder_layers):
            for weights in layers[:-1]:
                nn.init.kaiming_uniform_(weights, nonlinearity="relu", generator=generator)
            if layers:
                nn.init.zeros_(layers[-1])

    def encode(self, X: Tensor) -> Tensor:
        """Activations of frames [shape=((2 * context_frames + 1) * bins, frames)], as `stacked_frames` gives them.

        Returns
        -------
        H : Tensor [shape=(atoms, frames)]
        """
        return torch.relu(self.encoder @ X + _through(self.encoder_layers, X))

    def decode(self, H: Tensor, atoms: slice | Tensor = slice(None)) -> Tensor:
        """The magnitudes that activations stand for.

        Parameters
        ----------
        H : Tensor [shape=(atoms, frames)]
        atoms : slice or Tensor
            Which atoms they are of; all others are silent.

        Returns
        -------
        V : Tensor [shape=(bins, frames)]
        """
        # Transposed, so that it lies in memory as a spectrogram does: elementwise work on mixed orders is far slower.
        linear = (H.T @ self.decoder[:, atoms].T).T
        return torch.relu(linear + _through(self.decoder_layers, linear))

    @property
    def templates(self) -> Tensor:
        """Every atom's template, the ReLU of the decoder's weights [shape=(bins, atoms)]."""
        return torch.relu(self.decoder)


def stacked_frames(V: Tensor, frames: slice, context_frames: int) -> Tensor:
    """Every frame with its neighbours, the earliest on top; silence lies around the recording.

    Parameters
    ----------
    V : Tensor [shape=(bins, all frames)]
    frames : slice
        Those wanted.
    context_frames : int
        How many neighbours before, and how many after.

    Returns
    -------
    X : Tensor [shape=((2 * context_frames + 1) * bins, frames)]
    """
    if context_frames == 0:
        return V[:, frames]
    first, last = frames.start - context_frames, frames.stop + context_frames
    inside = V[:, max(first, 0) : min(last, V.shape[1])]
    padded = F.pad(inside, (max(0, -first), max(0, last - V.shape[1])))
    neighbours = padded.unfold(1, 2 * context_frames + 1, 1)
    return neighbours.permute(2, 0, 1).reshape(-1, frames.stop - frames.start)


def _layers(inputs: int, hidden: Sequence[int], outputs: int) -> nn.ParameterList:
    """Weights of the layers from inputs over hidden units to outputs; none without hidden units."""
    widths = [inputs, *hidden, outputs] if hidden else []
    return nn.ParameterList(torch.empty(after, before) for before, after in itertools.pairwise(widths))


def _through(layers: nn.ParameterList, X: Tensor) -> Tensor | float:
    """Through layers with ReLUs between them; 0 where there are none."""
    for index, weights in enumerate(layers):
        X = weights @ (torch.relu(X) if index else X)
    return X if layers else 0.0
