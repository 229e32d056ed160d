"""A denoiser that sees a whole excerpt: attention over the periods it may have, and a learned cycle for each.

What makes a steady sound cheap to describe is that it repeats. So the network looks for the periods that fit, folds the
excerpt by each of them, says from the harmonics of the mean cycle what the clean cycle should be, and weighs the
candidates by how well they explain the excerpt. The shape of cycles is learned, that sounds have one is built in.

As in Karras et al. (2022), what the network says is mixed with what comes in by how far the noise leaves that credible:
their ``c_skip``, for every harmonic, with the variance that the network expects of its own error, and once for all that
has no period.

References
----------
Karras, Aittala, Aila and Laine, "Elucidating the design space of diffusion-based generative models", NeurIPS 2022.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softplus

from sepkit_flow_sgld.periods import harmonics, likeliest_periods, multiplicities, repeated

_PHASES = 2048
_NEWTON_STEPS = 3
_PLACE_FEATURES = 13


class PeriodicDenoiser(nn.Module):
    """The expected clean waveform, given one with white noise.

    Parameters
    ----------
    data_std : float
        Root of the mean square of the signals without noise.
    levels : (float, float)
        Lowest and highest noise level that it has learned, over `data_std`.
    periods : (int, int)
        Shortest and longest, in samples.
    candidates : int
        Periods that are attended to.
    width : int
        Channels within the networks.
    timbre : int
        Numbers that describe a sound's timbre to the network that draws its cycle.
    """

    def __init__(
        self,
        *,
        data_std: float,
        levels: tuple[float, float],
        periods: tuple[int, int],
        candidates: int,
        width: int,
        timbre: int,
    ) -> None:
        super().__init__()
        self.data_std, self.periods, self.candidates = data_std, periods, candidates
        self.lowest, self.highest = (level * data_std for level in levels)
        self.harmonics = periods[1] // 2 + 1
        self.listen = _layers(_PLACE_FEATURES + 1, width, timbre)
        self.draw = _layers(_PLACE_FEATURES + timbre, width, 3)
        self.amplitude = nn.Parameter(torch.tensor([0.0, -1.0]))
        """Mean less 1, and log variance."""
        self.nothing = nn.Parameter(torch.zeros(2))
        """Log odds that no candidate is right: in much noise, and how fast they fall where noise hides nothing."""
        self.prefer = _layers(2, 16, 1)
        self.aperiodic = nn.Parameter(torch.tensor(-20.0))
        """Log variance of what has no period."""

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(module.in_features)
                nn.init.uniform_(module.weight, -bound, bound, generator=generator)
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)

    def forward(self, waveforms: Tensor, sigma: Tensor) -> Tensor:
        """The clean waveforms [shape=(batch, samples)].

        Parameters
        ----------
        waveforms : Tensor [shape=(batch, samples)]
        sigma : Tensor [shape=(batch,) or (1,)]
            Standard deviation of the noise in them.
        """
        noisy, level = waveforms / self.data_std, (sigma / self.data_std).expand(len(waveforms))
        longest = min(self.periods[1], noisy.shape[1])
        shortest = min(self.periods[0], longest)
        with torch.no_grad():
            periods = likeliest_periods(noisy, level, shortest, longest, self.candidates)
            observed = harmonics(noisy, periods, self.harmonics)
        variance = (level.square() / noisy.shape[1])[:, None, None]
        cycles, evidence = self._cycles(observed, periods, variance)
        evidence = evidence + self._preference(periods, level)
        none = self.nothing[0] - softplus(self.nothing[1]) / level.square()
        weights = torch.softmax(torch.cat((evidence, none[:, None]), 1), 1)[:, :-1]
        clean = repeated(cycles, periods, weights, noisy.shape[1])
        rest = self.aperiodic.exp()
        return self.data_std * (clean + (rest / (rest + level.square()))[:, None] * (noisy - clean))

    def _cycles(self, observed: Tensor, periods: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Clean harmonics of every candidate, and the log evidence of each against nothing but noise.

        Parameters
        ----------
        observed : Tensor [shape=(batch, candidates, harmonics)]
        periods : Tensor [shape=(batch, candidates)]
        variance : Tensor [shape=(batch, 1, 1)]
            Of the noise of a harmonic.
        """
        count = multiplicities(periods, self.harmonics)
        cycle, doubt = self._drawn(observed, periods, variance, count)
        cycle = aligned(cycle, observed, count)
        mean, spread = 1 + self.amplitude[0], self.amplitude[1].exp()
        # The cycle has power 1, so its amplitude is known as well as one harmonic of multiplicity 1.
        match = (count * (cycle.conj() * observed).real).sum(-1, keepdim=True)
        amplitude = (match * spread + mean * variance) / (spread + variance)
        expected = amplitude * cycle
        error = observed - expected
        kept = doubt / (doubt + variance)
        gained = observed.abs().square() / variance - error.abs().square() / (doubt + variance)
        gained = gained + torch.log(variance / (doubt + variance))
        surprise = (match - mean).square() / (spread + variance)
        return expected + kept * error, 0.5 * ((count * gained).sum(-1) - surprise[..., 0])

    def _drawn(self, observed: Tensor, periods: Tensor, variance: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """A cycle of power 1 for every candidate, and the variance of its error, at every harmonic."""
        there = count > 0
        places = _places(periods, self.harmonics, observed.real.dtype)[there]
        loudness = torch.log1p(observed.abs().square() / variance)[there].unsqueeze(-1)
        heard = _scattered(self.listen(torch.cat((places, loudness), -1)), there)
        timbre = torch.tanh(heard.sum(-2, keepdim=True) / there.sum(-1)[..., None, None])
        told = timbre.expand(*there.shape, -1)[there]
        drawn = _scattered(self.draw(torch.cat((places, told), -1)), there)
        order = torch.arange(self.harmonics, device=periods.device).clamp_min(1)
        cycle = torch.complex(drawn[..., 0], drawn[..., 1]) / order
        cycle = torch.where(count == 1, torch.complex(cycle.real, torch.zeros_like(cycle.real)), cycle)
        power = (count * cycle.abs().square()).sum(-1, keepdim=True)
        doubt = torch.exp((drawn[..., 2] * 4 - 8).clamp(-20, 5)) / order.square()
        return cycle * (power + 1e-12).rsqrt(), doubt

    def _preference(self, periods: Tensor, level: Tensor) -> Tensor:
        """Log odds of periods before anything was heard [shape=(batch, candidates)]."""
        features = torch.stack((periods.log() / 4, level.log()[:, None].expand(*periods.shape) / 4), -1)
        odds: Tensor = self.prefer(features.to(level.dtype))
        return 4 * odds[..., 0]


def aligned(cycle: Tensor, observed: Tensor, count: Tensor) -> Tensor:
    """Harmonics of `cycle`, shifted to where it matches `observed` best [shape=(batch, candidates, harmonics)]."""
    order = torch.arange(cycle.shape[-1], device=cycle.device)
    with torch.no_grad():
        match = count * cycle.conj() * observed
        # A grid of phases for the highest peak, and Newton's steps on it.
        curve = torch.fft.irfft(match.conj(), n=max(_PHASES, 2 * cycle.shape[-1]))
        phase = curve.argmax(-1, keepdim=True) * (2 * math.pi / curve.shape[-1])
        for _ in range(_NEWTON_STEPS):
            turned = match * torch.polar(torch.ones_like(order * phase), -order * phase)
            slope = (order * turned.imag).sum(-1, keepdim=True)
            bend = (order.square() * turned.real).sum(-1, keepdim=True)
            step = torch.where(bend > 0, slope / bend.clamp_min(1e-20), torch.zeros_like(slope))
            phase = phase + step.clamp(-math.pi / _PHASES, math.pi / _PHASES)
    return cycle * torch.polar(torch.ones_like(order * phase), order * phase)


def _scattered(rows: Tensor, there: Tensor) -> Tensor:
    """Rows [shape=(count, features)] where `there` says, and 0 elsewhere [shape=(*there.shape, features)]."""
    table = rows.new_zeros((*there.shape, rows.shape[-1]))
    table[there] = rows
    return table


def _places(periods: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """What a harmonic is, without regard to the sound [shape=(batch, candidates, count, features)]."""
    order = torch.arange(count, device=periods.device)
    share = order / periods[..., None]
    turns = one_hot((order % 4), 4).expand(*share.shape, 4)
    odd = (periods % 4)[..., None, None].expand(*share.shape, 1)
    size = periods.to(dtype).log()[..., None, None].expand(*share.shape, 1)
    numbers = torch.stack((torch.log1p(order).expand_as(share) / 2, 4 * share - 1, (4 * share).square() - 1), -1)
    near = torch.stack((1.0 / order.clamp_min(1), (order == 0).to(dtype)), -1).expand(*share.shape, 2)
    parity = torch.cat((odd % 2, odd == 2, odd == 0), -1)
    return torch.cat((turns.to(dtype), parity.to(dtype), (size - 4.5) / 2, numbers.to(dtype), near.to(dtype)), -1)


def _layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, outputs)
    )
