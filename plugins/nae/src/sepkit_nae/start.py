"""Where an autoencoder starts: templates around the partials of their pitches, and an encoder that looks for them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.problem.layout import Layout
from sepkit_nae.model import Autoencoder
from sepkit_nae.objective import Objective

# What the encoder sees of a frame's neighbours counts so much less at first.
NEIGHBOUR_WEIGHT = 0.1


def drawn_where_free(templates: NDArray[np.float64], layout: Layout, rng: np.random.Generator) -> Tensor:
    """The templates with random ones, no element of them zero, for atoms without a pitch [shape=(bins, atoms)]."""
    assert layout.atoms is not None
    free = [index for index, atom in enumerate(layout.atoms) if atom.pitch is None]
    # Drawn from [0, 1): turned around, no element is zero.
    templates[:, free] = 1 - rng.random((len(templates), len(free)))
    return torch.from_numpy(templates)


@torch.no_grad()
def fill(model: Autoencoder, templates: Tensor, generator: torch.Generator) -> None:
    """Start `model` from these templates: they, transposed, are the encoder of the frame itself."""
    model.decoder.copy_(templates)
    for offset, weights in enumerate(model.encoder.chunk(2 * model.context_frames + 1, dim=1)):
        weights.copy_(templates.T * (1 if offset == model.context_frames else NEIGHBOUR_WEIGHT))
    model.fill_hidden(generator)


@torch.no_grad()
def scale_encoder(objective: Objective) -> None:
    """Scale the encoder so that the output is as near to the spectrogram as a scale can bring it."""
    explained, squared = 0.0, 0.0
    for frames in objective.frame_blocks():
        Y = objective.model.decode(objective.encode(frames))
        explained += float((objective.V[:, frames] * Y).sum(dtype=torch.float64))
        squared += float(Y.square().sum(dtype=torch.float64))
    if explained > 0:
        objective.model.encoder.mul_(explained / squared)
