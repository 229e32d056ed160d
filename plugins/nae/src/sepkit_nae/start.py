"""Where an autoencoder starts: templates around the partials of their pitches, and an encoder that looks for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sepkit.builtin import HarmonicConstraint, HarmonicTemplates
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Initial
from sepkit.problem.problem import Problem
from sepkit_nae.model import Autoencoder
from sepkit_nae.objective import Objective

# What the encoder sees of a frame's neighbours counts so much less at first.
NEIGHBOUR_WEIGHT = 0.1


def start_templates(problem: Problem, layout: Layout, rng: np.random.Generator) -> Tensor:
    """Templates around the partials of pitched atoms, random ones for the others [shape=(bins, atoms)].

    Parameters
    ----------
    problem : Problem
        Partials lie as its constraint `harmonic` says, if it has one.
    layout : Layout
        With atoms and bins.
    rng : np.random.Generator
    """
    assert layout.atoms is not None
    said = [hosted.statement for hosted in problem.constraints if isinstance(hosted.statement, HarmonicConstraint)]
    prior = HarmonicTemplates(**said[0].model_dump()) if said else HarmonicTemplates()
    density = prior.bind(layout, Domain.TEMPLATES)
    assert isinstance(density, Initial)
    templates = density.initial(rng)
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
