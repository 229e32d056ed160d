"""Whole numbers of samples as periods: which fit a waveform, and what one cycle of it then is.

A signal of period p has sums over samples a period apart, which are all that a noisy copy of it says of the cycle. The
energy in them is, for all periods at once, a matter of the autocorrelation.

References
----------
Sethares and Staley, "Periodicity transforms", IEEE Transactions on Signal Processing 47(11), 1999.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

_TO_COUNT = 4
"""Times as many periods as are asked for are looked at closely."""


def likeliest_periods(waveforms: Tensor, sigma: Tensor, shortest: int, longest: int, count: int) -> Tensor:
    """The periods of highest evidence, if a cycle is white with variance 1 [shape=(batch, count)].

    Parameters
    ----------
    waveforms : Tensor [shape=(batch, samples)]
    sigma : Tensor [shape=(batch,)]
        Standard deviation of the white noise in them.
    shortest, longest : int
        Periods that are looked at, in samples.
    count : int
    """
    length = waveforms.shape[1]
    periods = torch.arange(shortest, longest + 1, device=waveforms.device)
    whole, rest = length // periods, length % periods
    squares = (periods - rest) * whole.square() + rest * (whole + 1).square()
    energies = _energies(waveforms, shortest, longest) / (squares / length).to(waveforms.dtype)
    # The multiples of a period fit as well as it does, but for a little that this counts wrongly where a cycle's energy
    # lies unevenly: in little noise that is more than what it costs to be long. So the best are counted exactly.
    rough = _evidence(energies, periods, length, sigma).topk(min(_TO_COUNT * count, len(periods)), dim=1).indices
    periods = periods[rough]
    exact = _evidence(_exact_energies(waveforms, periods), periods, length, sigma)
    return periods.gather(1, exact.topk(min(count, periods.shape[1]), dim=1).indices)


def _evidence(energies: Tensor, periods: Tensor, length: int, sigma: Tensor) -> Tensor:
    """Log evidence of periods [shape=(batch, periods)], given the energy of what repeats with each."""
    ratio = length / periods.to(energies.dtype) / sigma.square()[:, None]
    return energies / sigma.square()[:, None] * ratio / (1 + ratio) - periods * torch.log1p(ratio)


def _exact_energies(waveforms: Tensor, periods: Tensor) -> Tensor:
    """The energy of what repeats with each period [shape of `periods`]."""
    energies = waveforms.new_zeros(periods.shape)
    for row, candidates in enumerate(periods.tolist()):
        for place, period in enumerate(candidates):
            cycle, times = _mean_cycle(waveforms[row], period)
            energies[row, place] = (times * cycle.square()).sum()
    return energies


def _mean_cycle(waveform: Tensor, period: int) -> tuple[Tensor, Tensor]:
    """The mean over all cycles, and how many there are of each of its samples [shape=(period,)]."""
    whole = len(waveform) // period * period
    rest = len(waveform) - whole
    sums = waveform[:whole].reshape(-1, period).sum(0)
    sums[:rest] += waveform[whole:]
    times = torch.full_like(sums, len(waveform) // period)
    times[:rest] += 1
    return sums / times.clamp_min(1), times


def _energies(waveforms: Tensor, shortest: int, longest: int) -> Tensor:
    """Sums of squares of the sums over samples a period apart [shape=(batch, periods)]."""
    length = waveforms.shape[1]
    spectrum = torch.fft.rfft(waveforms, n=2 * length)
    correlation = torch.fft.irfft(spectrum.abs().square(), n=2 * length)[:, :length]
    lags, rows = (table.to(waveforms.device) for table in _multiples(length, shortest, longest))
    # The batch last, so that what is gathered lies side by side.
    correlation = correlation.T.contiguous()
    energies = correlation[:1].repeat(longest - shortest + 1, 1)
    summed: Tensor = energies.index_add_(0, rows, 2 * correlation[lags])
    return summed.T


@lru_cache(maxsize=8)
def _multiples(length: int, shortest: int, longest: int) -> tuple[Tensor, Tensor]:
    """All lags that are multiples of a period, and of which one."""
    lags = [torch.arange(period, length, period) for period in range(shortest, longest + 1)]
    rows = [torch.full((len(multiples),), row) for row, multiples in enumerate(lags)]
    return torch.cat(lags), torch.cat(rows)


def harmonics(waveforms: Tensor, periods: Tensor, count: int) -> Tensor:
    """The Fourier coefficients of the mean cycle, for every candidate period.

    Parameters
    ----------
    waveforms : Tensor [shape=(batch, samples)]
    periods : Tensor [shape=(batch, candidates)]
    count : int
        Coefficients that are given, from that of frequency 0; a short cycle has fewer, the rest is 0.

    Returns
    -------
    coefficients : Tensor [shape=(batch, candidates, count)]
        Complex, such that the cycle's mean square is the sum of their squares, all but the outermost counted twice.
    """
    found = waveforms.new_zeros((*periods.shape, count), dtype=waveforms.dtype.to_complex())
    for row, candidates in enumerate(periods.tolist()):
        for place, period in enumerate(candidates):
            cycle, _ = _mean_cycle(waveforms[row], period)
            spectrum = torch.fft.rfft(cycle, norm="forward")[:count]
            found[row, place, : len(spectrum)] = spectrum
    return found


def multiplicities(periods: Tensor, count: int) -> Tensor:
    """How many coefficients of the full transform each of `harmonics` stands for [shape=(..., count)]."""
    order, period = torch.arange(count, device=periods.device), periods[..., None]
    inside = (2 * order < period) & (order > 0)
    return 2.0 * inside + 1.0 * ((order == 0) | (2 * order == period))


def repeated(coefficients: Tensor, periods: Tensor, weights: Tensor, length: int) -> Tensor:
    """The weighted sum over candidates of the waveforms with these `harmonics` [shape=(batch, length)].

    Parameters
    ----------
    coefficients : Tensor [shape=(batch, candidates, count)]
    periods, weights : Tensor [shape=(batch, candidates)]
    length : int
        In samples.
    """
    rows = []
    for row, candidates in enumerate(periods.tolist()):
        total = coefficients.real.new_zeros(length)
        for place, period in enumerate(candidates):
            spectrum = coefficients[row, place, : period // 2 + 1]
            cycle = torch.fft.irfft(spectrum, n=period, norm="forward")
            total = total + weights[row, place] * cycle.repeat(-(-length // period))[:length]
        rows.append(total)
    return torch.stack(rows)
