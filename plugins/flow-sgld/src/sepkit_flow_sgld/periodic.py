"""A blind start for chains: the mixture as a sum of periodic parts.

The nearest signal of a period is the mean over its repetitions. Periods are found one after the other, as the one that
explains most of what is left, less what any period of that length would explain of noise. Then each is looked for again
while the others stand, and every two of them together: where one long period was taken for two short ones, that frees
the part that had nothing left to explain. Which source a part belongs to, only the priors can say.

References
----------
Sethares and Staley, "Periodicity transforms", IEEE Transactions on Signal Processing 47(11), 1999.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LOWEST_HZ, HIGHEST_HZ = 26.0, 1200.0
"""Fundamental frequencies that are looked for: nearly those of a piano."""

_SWEEPS = 4
_FITS = 5
_LAST_FITS = 30
_STRICTER = 5.0
"""By which the penalty grows for the first of two periods that are looked for together: it is to be a short one."""
_NOTHING = 1e-4
"""A residual below this part of the mixture's energy counts as none."""


def periodic_parts(
    mixture: Tensor, count: int, sample_rate: int, penalty: float, check: Callable[[], None] = lambda: None
) -> Tensor:
    """Periodic signals that nearly sum to the mixture [shape=(count, samples)].

    Parameters
    ----------
    mixture : Tensor [shape=(samples,)]
    count : int
        Number of parts.
    sample_rate : int
    penalty : float
        How many times more a period has to explain than of white noise; more prefers shorter periods.
    check : callable
        Called before every piece of work; what it raises ends it.
    """
    longest = min(len(mixture) // 2, int(sample_rate / LOWEST_HZ))
    candidates = range(min(longest, max(1, int(sample_rate / HIGHEST_HZ))), longest + 1)
    if longest < 1 or not mixture.any():
        return mixture.expand(count, -1) / count
    fit = _Fit(mixture, candidates, mixture.new_zeros(count, len(mixture)), (None,) * count)
    for row in range(count):
        check()
        fit = fit.with_best(row, penalty)
    fit = _each_again(fit, penalty, check)
    for one, other in itertools.combinations(range(count), 2):
        check()
        together = fit.without(one, other).with_best(one, _STRICTER * penalty).with_best(other, penalty)
        if together.cost < fit.cost:
            fit = min(together, _each_again(together, penalty, check), key=lambda candidate: candidate.cost)
    return fit.fitted(_LAST_FITS).parts


def _each_again(fit: _Fit, penalty: float, check: Callable[[], None]) -> _Fit:
    """Look for each period again while the others stand, until none changes."""
    for _ in range(_SWEEPS):
        before = fit.periods
        for row in range(len(before)):
            check()
            fit = fit.with_best(row, penalty)
        if fit.periods == before:
            break
    return fit


@dataclass(frozen=True)
class _Fit:
    """A mixture, and its parts [shape=(count, samples)] with their periods, None for those that are not there yet."""

    mixture: Tensor
    candidates: range
    parts: Tensor
    periods: tuple[int | None, ...]

    @property
    def cost(self) -> float:
        """Akaike's criterion: what is left of the mixture, and how many samples its cycles have."""
        left = (self.mixture - self.parts.sum(0)).square().sum() / self.mixture.square().sum()
        return len(self.mixture) * math.log(float(left) + _NOTHING) + 2 * sum(filter(None, self.periods))

    def without(self, *rows: int) -> _Fit:
        """With some parts taken out."""
        parts = self.parts.clone()
        parts[list(rows)] = 0
        periods = tuple(None if row in rows else period for row, period in enumerate(self.periods))
        return _Fit(self.mixture, self.candidates, parts, periods)

    def with_best(self, row: int, penalty: float) -> _Fit:
        """With the best period for one part, the others' being as they are."""
        left = self.mixture - self.parts.sum(0) + self.parts[row]
        best = best_period(left, self.candidates, penalty)
        fit = self if best == self.periods[row] else self.without(row)
        periods = (*self.periods[:row], best, *self.periods[row + 1 :])
        return _Fit(self.mixture, self.candidates, fit.parts, periods).fitted(_FITS)

    def fitted(self, sweeps: int) -> _Fit:
        """With parts nearer to those of their periods that sum to the mixture best."""
        parts, left = self.parts.clone(), self.mixture - self.parts.sum(0)
        for _ in range(sweeps):
            for row, period in enumerate(self.periods):
                if period is not None:
                    cycle, _repeats = periodic(left + parts[row], period)
                    fitted = cycle.repeat(-(-len(left) // period))[: len(left)]
                    left = left + parts[row] - fitted
                    parts[row] = fitted
        return _Fit(self.mixture, self.candidates, parts, self.periods)


def best_period(signal: Tensor, candidates: range, penalty: float) -> int:
    """The period that explains most, less `penalty` times what it would explain of noise."""
    noise = penalty * float(signal.square().mean())
    # Hundreds of small sums: NumPy needs a seventh of the time that torch takes to call as many.
    explained = _explained(signal.cpu().numpy(), candidates)
    return candidates[int((explained - noise * np.array(candidates)).argmax())]


def _explained(signal: NDArray[np.float32], candidates: range) -> NDArray[np.float64]:
    """Energy of the nearest signal of every period, over all its repetitions [shape=(candidates,)]."""
    padded = np.concatenate([signal, np.zeros(candidates[-1], signal.dtype)])
    explained = np.empty(len(candidates))
    for index, period in enumerate(candidates):
        repeats, longer = divmod(len(signal), period)
        sums = padded[: (repeats + 1) * period].reshape(-1, period).sum(axis=0)
        explained[index] = sums[:longer] @ sums[:longer] / (repeats + 1) + sums[longer:] @ sums[longer:] / repeats
    return explained


def periodic(signal: Tensor, period: int) -> tuple[Tensor, Tensor]:
    """The nearest signal of a period, as one cycle, and how often each of its samples repeats [shape=(period,)]."""
    length = len(signal)
    repeats = signal.new_full((period,), length // period)
    repeats[: length % period] += 1
    padded = torch.nn.functional.pad(signal, (0, -length % period))
    return padded.reshape(-1, period).sum(0) / repeats, repeats
