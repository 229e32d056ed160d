"""One tone after the other: each is chosen by what the tones before it have left.

References
----------
Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks trained
via policy gradients", Signals 2(4), 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from sepkit_policy_unet.policy import Choice, Parameters, Policy
from sepkit_policy_unet.sizes import Size
from sepkit_policy_unet.tones import fit_harmonics, gaussians, magnitude, model_spectrum, partial_bins
from sepkit_policy_unet.unet import UNet

Choose = Callable[[Policy, int], Choice]
"""Chooses the next tones, given how many each frame has already; equally many for each frame."""


@dataclass(frozen=True, eq=False)
class Extracted:
    """Spectra of all instruments after some tones.

    Attributes
    ----------
    frame : Tensor [shape=(starts, frames, 2, bins)]
        The mixture.
    model, direct : Tensor [shape=(starts, frames, c, 2, bins)]
        Those of the model's tones, and the network's own prediction at their partials.
    used : Tensor of bool [shape=(starts, frames, c)]
    sounding : Tensor [shape=(starts, frames, c)]
        1 for instruments that have a tone that is on.
    """

    frame: Tensor
    model: Tensor
    direct: Tensor
    used: Tensor
    sounding: Tensor

    @classmethod
    def nothing(cls, frame: Tensor, instruments: int) -> Extracted:
        """No tones of so many instruments yet."""
        starts, frames, _, bins = frame.shape
        silent = frame.new_zeros(starts, frames, instruments, 2, bins)
        none = frame.new_zeros(starts, frames, instruments)
        return cls(frame, silent, silent, none.bool(), none)

    @property
    def sparse(self) -> Tensor:
        """Those of the model's tones that are on."""
        return self.model * self.sounding[..., None, None]

    def seen(self, rooted: bool) -> Tensor:
        """What the network sees: what is left of the mixture, and the instruments [shape=(..., 6 + 4c, bins)]."""
        with torch.no_grad():
            channels = []
            for spectra in (self.sparse, self.direct):
                left = self.frame - spectra.sum(dim=2)
                channels += [left, magnitude(left), spectra.flatten(2, 3)]
            x = torch.cat(channels, dim=2)
            return x.sign() * x.abs().sqrt() if rooted else x

    def repeated(self, tries: int) -> Extracted:
        """Every frame so many times in a row."""
        return Extracted(*(getattr(self, one.name).repeat_interleave(tries, dim=1) for one in fields(self)))

    def with_tones(self, size: Size, tones: Parameters, dictionary: Tensor) -> Extracted:
        """These and one more tone in each frame [shape of `tones`: (starts, frames, 1)]."""
        model, direct = tone_spectra(size, tones, dictionary)
        which = one_hot(tones.instrument[:, :, 0], self.used.shape[2]).bool()
        place = which[..., None, None]
        return Extracted(
            self.frame,
            torch.where(place, model, self.model),
            torch.where(place, direct, self.direct),
            self.used | which,
            torch.where(which, tones.on.to(self.sounding), self.sounding),
        )


def tone_spectra(size: Size, tones: Parameters, dictionary: Tensor) -> tuple[Tensor, Tensor]:
    """Model and direct prediction of tones, with the harmonics fitted to the network's spectrum.

    Parameters
    ----------
    size : Size
    tones : Parameters [shape=(starts, frames, 1)]
    dictionary : Tensor [shape=(starts, c, harmonics)]

    Returns
    -------
    model, direct : Tensor [shape=(starts, frames, 1, 2, bins)]
    """
    centres = partial_bins(tones.fundamental, tones.inharmonicity, size.harmonics)
    G = gaussians(centres, tones.width, size.bins)
    c = fit_harmonics(G, tones.direct)
    start = torch.arange(len(dictionary), device=dictionary.device)[:, None, None]
    amplitudes = tones.amplitude[..., None] * dictionary[start, tones.instrument]
    return model_spectrum(G, amplitudes, c), c @ G


def extract(
    network: UNet, size: Size, frame: Tensor, dictionary: Tensor, choose: Choose, temperatures: Sequence[float]
) -> tuple[Extracted, list[Parameters]]:
    """Choose a tone for each instrument, one after the other, each time by what the tones before have left.

    Parameters
    ----------
    network : UNet
    size : Size
    frame : Tensor [shape=(starts, frames, 2, bins)]
        Spectra of the mixture.
    dictionary : Tensor [shape=(starts, c, harmonics)]
    choose : callable
    temperatures : sequence of float
        Of the proposal: as many as tones are chosen in place of each.

    Returns
    -------
    extracted : Extracted
        Of `tries` ** c frames for each that was given, in a row.
    tones : list of Parameters
        The first, second, ... ones: each [shape=(starts, frames * tries ** number, tries)].
    """
    extracted, found = Extracted.nothing(frame, network.instruments), []
    for number in range(network.instruments):
        policy = Policy(size, network(extracted.seen(size.rooted)), extracted.used)
        tones = policy.parameters(choose(policy, number), temperatures)
        one_each = Parameters(*(getattr(tones, one.name).flatten(1, 2)[:, :, None] for one in fields(tones)))
        extracted = extracted.repeated(len(temperatures)).with_tones(size, one_each, dictionary)
        found.append(tones)
    return extracted, found
