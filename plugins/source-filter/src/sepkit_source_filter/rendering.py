"""Parameters of the network as sound, so that gradients of the sound reach them.

Phases follow from F0, which is known: the sound of the harmonics is linear in their amplitudes, and a matrix product of
these and of oscillators that need no gradient. Filters act by their response in closed form, never sample by sample.

References
----------
Schulze-Forster et al., "Unsupervised music source separation using differentiable parametric source models", IEEE/ACM
TASLP 31, 2023.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sepkit.informed.bands import LINEAR_TO_HZ, mel
from sepkit_source_filter.allpole import FREQUENCIES, ROLL_OFF_HZ
from sepkit_source_filter.hearing import BINS, HOP, PARTIALS, RATE, WINDOW, Heard
from sepkit_source_filter.lsf import log_gain, lsf_of_logits
from sepkit_source_filter.network import NOISE_BANDS, Parameters

_NYQUIST = 0.98 * RATE / 2
_HIGHEST = float(mel(RATE / 2))


def grid_hz() -> Tensor:
    """Where responses are computed: equally spaced on the mel scale up to 8 kHz [shape=(frequencies,)]."""
    return LINEAR_TO_HZ * torch.expm1(torch.linspace(0, _HIGHEST, FREQUENCIES, dtype=torch.float64))


def log_responses(logits: Tensor) -> Tensor:
    """Logarithms of the filters' responses, with a mean of 0, so that gains and filters do not fight.

    Parameters
    ----------
    logits : Tensor [shape=(..., order + 1)]

    Returns
    -------
    responses : Tensor [shape=(..., frequencies)]
    """
    cosines = torch.cos(math.pi * grid_hz() / (RATE / 2)).to(logits)
    response = log_gain(lsf_of_logits(logits), cosines)
    return response - response.mean(dim=-1, keepdim=True)


def at(responses: Tensor, frequencies_hz: Tensor) -> Tensor:
    """Responses at other frequencies, linearly between those of the grid.

    Parameters
    ----------
    responses : Tensor [shape=(..., frequencies)]
    frequencies_hz : Tensor [shape=(..., wanted)]
        Up to 8 kHz.
    """
    place = torch.log1p(frequencies_hz / LINEAR_TO_HZ) * ((FREQUENCIES - 1) / _HIGHEST)
    below = place.floor().clamp(0, FREQUENCIES - 2).long()
    part = place - below
    return (1 - part) * responses.gather(-1, below) + part * responses.gather(-1, below + 1)


def roll_off(frequencies_hz: Tensor) -> Tensor:
    """Logarithm of what falls by 6 dB an octave above 200 Hz."""
    return -torch.log((frequencies_hz / ROLL_OFF_HZ).clamp_min(1))


def amplitudes(parameters: Parameters, f0_hz: Tensor) -> Tensor:
    """Of all partials, those from 8 kHz on and those of unvoiced frames being 0.

    Parameters
    ----------
    parameters : Parameters
    f0_hz : Tensor [shape=(batch, voices, frames)]

    Returns
    -------
    loudness : Tensor [shape=(batch, voices, frames, partials)]
    """
    partials_hz = f0_hz[..., None] * torch.arange(1, PARTIALS + 1, dtype=f0_hz.dtype, device=f0_hz.device)
    response = at(log_responses(parameters.logits), partials_hz.clamp_max(RATE / 2))
    loudness = parameters.gains[..., None] * torch.exp(response + roll_off(partials_hz))
    return loudness * ((partials_hz > 0) & (partials_hz < _NYQUIST))


def noise_magnitudes(parameters: Parameters, frequencies_hz: Tensor) -> Tensor:
    """By which white noise is filtered [shape=(batch, voices, frames, frequencies)].

    Parameters
    ----------
    parameters : Parameters
    frequencies_hz : Tensor [shape=(frequencies,)]
        Up to 8 kHz.
    """
    responses = log_responses(parameters.logits)
    filters = at(responses, frequencies_hz.to(responses).expand(*responses.shape[:-1], -1)).exp()
    place = frequencies_hz.to(responses) * ((NOISE_BANDS - 1) / (RATE / 2))
    below = place.floor().clamp(0, NOISE_BANDS - 2).long()
    bands = parameters.noise_bands
    shape = torch.lerp(bands[..., below], bands[..., below + 1], (place - below).expand(*bands.shape[:-1], -1))
    return parameters.noise_gains[..., None] * filters * shape[..., None, :]


def sound(parameters: Parameters, heard: Heard, begin: Tensor, white: Tensor) -> Tensor:
    """All voices.

    Parameters
    ----------
    parameters : Parameters
    heard : Heard
        A batch; only its F0 and phases count.
    begin : Tensor [shape=(batch, voices)]
        What is added to the phases of the first partials.
    white : Tensor [shape=(batch, voices, samples)]
        Noise with a variance of 1.

    Returns
    -------
    sound : Tensor [shape=(batch, voices, samples)]
    """
    phases = phases_within(heard.phases + begin[..., None], heard.held_hz)
    return harmonic_sound(amplitudes(parameters, heard.f0_hz), phases) + noise_sound(parameters, white)


def phases_within(phases: Tensor, held_hz: Tensor) -> Tensor:
    """Phases of all samples between frames, F0 being linear there [shape=(..., frames - 1, hop)].

    Parameters
    ----------
    phases, held_hz : Tensor [shape=(..., frames)]
    """
    part = torch.arange(HOP, dtype=phases.dtype, device=phases.device) / HOP
    start, change = held_hz[..., :-1, None], held_hz.diff(dim=-1)[..., None]
    return phases[..., :-1, None] + (2 * math.pi * HOP / RATE) * (start * part + change * part**2 / 2)


def harmonic_sound(loudness: Tensor, phases: Tensor) -> Tensor:
    """Partials whose amplitudes go from frame to frame as Hann windows overlap.

    Parameters
    ----------
    loudness : Tensor [shape=(..., frames, partials)]
    phases : Tensor [shape=(..., frames - 1, hop)]
        Of the first partial.

    Returns
    -------
    sound : Tensor [shape=(..., samples)]
    """
    both = torch.stack([loudness[..., :-1, :], loudness[..., 1:, :]], dim=-2)
    fade = torch.sin(torch.linspace(0, math.pi / 2, HOP + 1, dtype=phases.dtype, device=phases.device)[:-1]) ** 2
    return ((both @ oscillators(phases, loudness.shape[-1])) * torch.stack([1 - fade, fade])).sum(dim=-2).flatten(-2)


@torch.no_grad()
def oscillators(phases: Tensor, count: int) -> Tensor:
    """Sines of the first multiples of phases, by the recurrence of Chebyshev [shape=(..., count, hop)]."""
    sines = torch.empty((*phases.shape[:-1], count, phases.shape[-1]), dtype=phases.dtype, device=phases.device)
    twice = 2 * torch.cos(phases)
    torch.sin(phases, out=sines[..., 0, :])
    if count > 1:
        torch.mul(twice, sines[..., 0, :], out=sines[..., 1, :])
    for row in range(2, count):
        torch.mul(twice, sines[..., row - 1, :], out=sines[..., row, :]).sub_(sines[..., row - 2, :])
    return sines


def noise_sound(parameters: Parameters, white: Tensor) -> Tensor:
    """White noise through the filters [shape=(batch, voices, samples)]."""
    window = torch.hann_window(WINDOW, dtype=white.dtype, device=white.device)
    flat, length = white.flatten(0, 1), white.shape[-1]
    spectrum = torch.stft(flat, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
    frequencies_hz = torch.linspace(0, RATE / 2, BINS, device=white.device)
    filters = noise_magnitudes(parameters, frequencies_hz).flatten(0, 1).mT
    return torch.istft(spectrum * filters, WINDOW, HOP, window=window, length=length).reshape(white.shape)
