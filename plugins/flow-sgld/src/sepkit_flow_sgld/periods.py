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
    repeats = length / periods.to(waveforms.dtype)
    energies = _energies(waveforms, shortest, longest) / repeats
    variance = sigma.square()[:, None]
    ratio = repeats / variance
    evidence = energies / variance * ratio / (1 + ratio) - periods * torch.log1p(ratio)
    best: Tensor = evidence.topk(min(count, len(periods)), dim=1).indices
    return periods[best]


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
    length = waveforms.shape[1]
    found = waveforms.new_zeros((*periods.shape, count), dtype=waveforms.dtype.to_complex())
    for row, candidates in enumerate(periods.tolist()):
        for place, period in enumerate(candidates):
            whole = length // period * period
            sums = waveforms[row, :whole].reshape(-1, period).sum(0)
            rest = length - whole
            sums[:rest] += waveforms[row, whole:]
            times = torch.full_like(sums, length // period)
            times[:rest] += 1
            spectrum = torch.fft.rfft(sums / times.clamp_min(1), norm="forward")[:count]
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
