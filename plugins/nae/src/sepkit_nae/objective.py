"""What is to be lowered: the divergence of an autoencoder's output from a spectrogram, and the penalties of priors."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from sepkit import large
from sepkit_nae.divergence import beta_divergence
from sepkit_nae.model import Autoencoder, stacked_frames
from sepkit_nae.statements import FactorStatements

# A pass over the data holds some temporaries of so many values at a time.
BLOCK_VALUES = 1 << 20
RELATIVE_FLOOR = {torch.float32: 1e-10, torch.float64: 1e-12}


class Objective:
    """A spectrogram, the autoencoder that is to reproduce it, and what is known of both.

    Parameters
    ----------
    V : Tensor [shape=(bins, frames)]
        Nonnegative magnitudes; read in blocks of frames and never copied.
    model : Autoencoder
        Of the type and on the device of `V`.
    statements : FactorStatements
    beta : float
        The divergence.

    Attributes
    ----------
    floor : float
        Values of the output that are smaller count as this one, where its logarithm or inverse is taken.
    """

    def __init__(self, V: Tensor, model: Autoencoder, statements: FactorStatements, beta: float) -> None:
        self.V, self.model, self.statements, self.beta = V, model, statements, beta
        least = torch.finfo(V.dtype).tiny ** 0.5
        total = sum(float(V[:, frames].sum(dtype=torch.float64)) for frames in self.frame_blocks())
        self.floor = max(RELATIVE_FLOOR[V.dtype] * total / V.numel(), least)

    def frame_blocks(self) -> Iterator[slice]:
        """Runs of frames that are worked on at a time."""
        inputs, frames = self.model.encoder.shape[1], self.V.shape[1]
        size = max(1, BLOCK_VALUES // inputs)
        yield from large.paced(slice(start, min(start + size, frames)) for start in range(0, frames, size))

    def inputs(self, frames: slice) -> Tensor:
        """What the encoder sees [shape=((2 * context_frames + 1) * bins, frames)]."""
        return stacked_frames(self.V, frames, self.model.context_frames)

    def encode(self, frames: slice) -> Tensor:
        """Activations of some frames after structured dropout [shape=(atoms, frames)]."""
        return self.statements.activations.within_support(self.model.encode(self.inputs(frames)), frames)

    @torch.no_grad()
    def encoded(self) -> Tensor:
        """`encode` of all frames."""
        shape = (len(self.model.encoder), self.V.shape[1])
        if self.V.device.type == "cpu":
            H = torch.from_numpy(large.empty(shape, self.V.numpy().dtype))
        else:
            H = self.V.new_empty(shape)
        for frames in self.frame_blocks():
            H[:, frames] = self.encode(frames)
        return H

    @torch.no_grad()
    def activations(self) -> Tensor:
        """Activations that all constraints allow [shape=(atoms, all frames)]."""
        H = self.encoded()
        return self.statements.activations.project(H) if self.statements.activations.projects else H

    @torch.no_grad()
    def cost(self, H: Tensor, noise: float = 0.0) -> float:
        """The cost of the model's templates with these activations; `noise` is added to data and output alike."""
        total = self.penalty(H)
        for frames in self.frame_blocks():
            V, Y = self.V[:, frames] + noise, self.model.decode(H[:, frames]) + noise
            total += float(beta_divergence(V, Y, self.beta, self.floor))
        return total

    @torch.no_grad()
    def penalty(self, H: Tensor) -> float:
        """What all priors add to the cost."""
        return self.statements.templates.penalty(self.model.templates) + self.statements.activations.penalty(H)

    @torch.no_grad()
    def restrict_templates(self) -> None:
        """Give the decoder templates that all constraints allow; removed weights become zero."""
        statements, decoder = self.statements.templates, self.model.decoder
        if statements.projects:
            templates = statements.project(self.model.templates)
            decoder.copy_(torch.where(templates > 0, templates, decoder.clamp_max(0)))
        decoder.copy_(statements.within_support(decoder))
