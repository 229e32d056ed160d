"""The policy: which instrument plays at which frequency, whether it sounds at all, and how inharmonic it is.

References
----------
Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks trained
via policy gradients", Signals 2(4), 2021.
Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine Learning
8, 1992.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from sepkit_policy_unet.sizes import OUTPUTS, Size

_FARTHEST = 5.0
"""A tone lies at most so many bins from the one that it is drawn at."""
_NARROWEST, _WIDEST = -3.0, 3.0
"""Of the output for the width: from 0.07 to 4.4 times the nominal one, so that partials stay told apart by a ridge."""
_FROM_LEAST = 1e-8


@dataclass(frozen=True, eq=False)
class Choice:
    """What is drawn of a tone, or given.

    Attributes
    ----------
    place : Tensor of int [shape=(starts, frames, tries)]
        Instrument and bin in one number: ``instrument * bins + bin``.
    on : Tensor of bool [shape=(starts, frames, tries)]
    gamma : Tensor [shape=(starts, frames, tries)]
        The inharmonicity times the rate of its distribution.
    """

    place: Tensor
    on: Tensor
    gamma: Tensor


@dataclass(frozen=True, eq=False)
class Parameters:
    """What the network says of tones that were chosen [shape=(starts, frames, tries), as is each of these].

    Attributes
    ----------
    instrument : Tensor of int
    fundamental : Tensor
        In bins.
    amplitude, width, inharmonicity : Tensor
    on : Tensor of bool
    direct : Tensor [shape=(starts, frames, tries, 2, bins)]
        Its spectrum.
    log_policy, log_proposal : Tensor
        Logarithms of the probabilities of instrument, bin and whether it sounds.
    log_gamma : Tensor
        Of the density of `Choice.gamma`.
    """

    instrument: Tensor
    fundamental: Tensor
    amplitude: Tensor
    width: Tensor
    inharmonicity: Tensor
    on: Tensor
    direct: Tensor
    log_policy: Tensor
    log_proposal: Tensor
    log_gamma: Tensor


class Policy:
    """Probabilities of the next tone, as the network's outputs tell them.

    Parameters
    ----------
    size : Size
    outputs : Tensor [shape=(starts, frames, c, 9, bins)]
    used : Tensor of bool [shape=(starts, frames, c)]
        Instruments that have a tone already: they have no other.
    """

    def __init__(self, size: Size, outputs: Tensor, used: Tensor) -> None:
        self.size = size
        columns = dict(zip(OUTPUTS, outputs.unbind(dim=3), strict=True))
        self._columns = {name: column.flatten(2) for name, column in columns.items()}
        self._direct = torch.stack([columns["direct_re"], columns["direct_im"]], dim=3)
        self.logits = columns["pdf"].masked_fill(used[..., None], -torch.inf).flatten(2)

    def draw(self, temperatures: Sequence[float], rngs: Sequence[np.random.Generator]) -> Choice:
        """Draw one tone for each power of the probabilities.

        Parameters
        ----------
        temperatures : sequence of float
            The powers: 1 is the policy itself.
        rngs : sequence of Generator
            One for each start.
        """
        with torch.no_grad():
            shape = (self.logits.shape[1], len(temperatures))
            uniform = self._drawn([rng.random((2, *shape)) for rng in rngs])
            places = []
            for column, power in enumerate(temperatures):
                rising = torch.softmax(power * self.logits, dim=-1).cumsum(dim=-1)
                # Of what rounding leaves short of 1 nothing is ever drawn.
                at = uniform[:, 0, :, column, None] * rising[..., -1:]
                places.append(torch.searchsorted(rising, at, right=True).clamp_max(rising.shape[-1] - 1))
            place = torch.cat(places, dim=-1)
            powers = torch.tensor(temperatures, dtype=self.logits.dtype, device=place.device)
            on = uniform[:, 1] < torch.sigmoid(powers * self._on(place))
            shapes = self._gamma_shape(place).double().cpu().numpy()
            gamma = self._drawn([rng.standard_gamma(one) for rng, one in zip(rngs, shapes, strict=True)])
            return Choice(place, on, gamma.clamp_min(_FROM_LEAST))

    def likeliest(self) -> Choice:
        """The most probable tone, which sounds if that is probable, with the mode of its inharmonicity."""
        with torch.no_grad():
            place = self.logits.argmax(dim=-1, keepdim=True)
            return Choice(place, self._on(place) > 0, (self._gamma_shape(place) - 1).clamp_min(0))

    def parameters(self, choice: Choice, temperatures: Sequence[float]) -> Parameters:
        """What the network says of the tones that were chosen, and how likely they were."""
        place, bins = choice.place, self.size.bins
        instrument = place // bins
        powers = torch.tensor(temperatures, dtype=self.logits.dtype, device=place.device)
        sign = 2.0 * choice.on - 1
        on = self._on(place)
        normal = torch.log_softmax(self.logits, dim=-1).gather(-1, place)
        tempered = torch.stack(
            [
                torch.log_softmax(power * self.logits, dim=-1).gather(-1, place[..., column : column + 1])[..., 0]
                for column, power in enumerate(temperatures)
            ],
            dim=-1,
        )
        inharmonicity, log_gamma = self.inharmonicity(choice)
        direct = self._direct.gather(2, instrument[..., None, None].expand(*instrument.shape, 2, bins))
        width = self._at("width", place).clamp(_NARROWEST, _WIDEST)
        return Parameters(
            instrument=instrument,
            fundamental=place % bins + _FARTHEST * torch.tanh(self._at("offset", place)),
            amplitude=self._at("amplitude", place).abs(),
            width=softplus(width) / np.log(2) * self.size.width,
            inharmonicity=inharmonicity,
            on=choice.on,
            direct=direct,
            log_policy=normal + logsigmoid(sign * on),
            log_proposal=tempered + logsigmoid(sign * powers * on),
            log_gamma=log_gamma,
        )

    def inharmonicity(self, choice: Choice) -> tuple[Tensor, Tensor]:
        """b of tones that were chosen, and the logarithm of the density of `Choice.gamma`.

        What is drawn is b times the rate, so that the gradient with respect to the rate needs no policy gradient.
        """
        shape = self._gamma_shape(choice.place)
        log_rate = self._clipped("gamma_rate", choice.place) + self.size.rate_bias
        log_density = (shape - 1) * choice.gamma.clamp_min(_FROM_LEAST).log() - choice.gamma - torch.lgamma(shape)
        return choice.gamma * (-log_rate).exp(), log_density

    def _at(self, name: str, place: Tensor) -> Tensor:
        return self._columns[name].gather(-1, place)

    def _on(self, place: Tensor) -> Tensor:
        return self._at("on", place) + self.size.on_bias

    def _clipped(self, name: str, place: Tensor) -> Tensor:
        return self._at(name, place).clamp(-self.size.extreme, self.size.extreme)

    def _gamma_shape(self, place: Tensor) -> Tensor:
        return self._clipped("gamma_shape", place).exp()

    def _drawn(self, numbers: Sequence[np.ndarray]) -> Tensor:
        return torch.as_tensor(np.stack(numbers), dtype=self.logits.dtype, device=self.logits.device)
