"""The fit of one block of a recording: F0, the nonnegative start, the descent, and what is taken of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit.informed.f0_following import FollowingF0
from sepkit.informed.f0_known import known_f0
from sepkit.informed.f0_refinement import offsets_cents
from sepkit.informed.moving_partials import bins_below
from sepkit.informed.source_filter import SourceFilterModel, divergence
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.spectral import STFT
from sepkit_source_filter.allpole import AllPoleModel
from sepkit_source_filter.config import SourceFilterConfig
from sepkit_source_filter.direct import descend, log_distance

F0_POINTS = 4
"""Of F0 from one frame to the next."""


@dataclass(eq=False)
class Block:
    """One block of a recording, and what is found in it.

    Parameters
    ----------
    problem : Problem
        The block's part of it.
    config : SourceFilterConfig
    modelled : tuple of str
        The sources of the problem, and after them all others that are known.
    stft : STFT
    device : torch.device

    Attributes
    ----------
    magnitudes : ndarray [shape=(modelled, bins, frames)]
        Of every source with its share of the noise, up to `highest_hz`; the mean of the mixture's is 1.
    frames_s : ndarray [shape=(frames,)]
    f0_hz : ndarray [shape=(modelled, frames)]
    moved_cents : ndarray [shape=(modelled, frames)]
        From the F0 that was given, NaN where unvoiced.
    misfits : list of float
    worse : bool
        Whether the descent ended worse than its start, which is the result then.
    violations : dict of str to float
    """

    problem: Problem
    config: SourceFilterConfig
    modelled: tuple[str, ...]
    stft: STFT
    device: torch.device
    misfits: list[float] = field(default_factory=list)
    violations: dict[str, float] = field(default_factory=dict)
    worse: bool = False

    def fit(self, rng: np.random.Generator) -> Iterator[None]:
        """Find everything, one step at a time."""
        mixture = self.problem.mixture
        rate = mixture.sample_rate
        highest_hz = min(self.config.highest_hz, rate / 2)
        bins = bins_below(self.stft, rate, highest_hz)
        bins_hz = self.stft.bins_hz(rate)[:bins]
        frames_s = self.stft.frames_s(mixture.length, rate)
        hop_s = self.stft.hop / rate
        X = mean_magnitude(self.stft, mixture.samples)[:, :bins]
        X /= X.mean() or 1
        times_s = frames_s[0] + np.arange(F0_POINTS * (len(frames_s) - 1) + 1) * (hop_s / F0_POINTS)
        given = known_f0(self.problem.side_information, self.modelled, times_s)
        layout = self.problem.layout(sources=self.modelled, frames_s=times_s)
        follower = FollowingF0(
            times_s=times_s,
            f0_hz=self._searched(X, given, times_s, frames_s, float(bins_hz[1])),
            frames_s=frames_s,
            stft=self.stft,
            sample_rate=rate,
            highest_hz=highest_hz,
            densities=self.problem.bind_priors(layout, Domain.F0),
            constraints=self.problem.bind_constraints(layout, Domain.F0),
        )
        start = SourceFilterModel.drawn(bins_hz, len(self.modelled), len(frames_s), self.config.envelopes, rng)
        for misfit in follower.rounds(X, start, self.config.f0_rounds):
            self.misfits.append(misfit)
            yield
        if follower.constraints:
            follower.f0_hz = follower.constraints.project(follower.f0_hz)
        self.violations |= follower.constraints.violations(follower.f0_hz)
        self.frames_s, self.f0_hz = frames_s, follower.f0_hz[:, ::F0_POINTS]
        with np.errstate(invalid="ignore"):
            self.moved_cents = 1200 * np.log2(follower.f0_hz / given)[:, ::F0_POINTS]
        combs = follower.combs()
        for _ in range(self.config.updates):
            start.update(X, combs)
            self.misfits.append(divergence(X, start.mixture(combs)))
            yield
        yield from self._descend(X, combs, start, bins_hz, hop_s, frames_s)

    def _searched(
        self,
        X: NDArray[np.float32],
        given: NDArray[np.float64],
        times_s: NDArray[np.float64],
        frames_s: NDArray[np.float64],
        bin_hz: float,
    ) -> NDArray[np.float64]:
        if self.config.f0_rounds == 0:
            return given
        cents = offsets_cents(X, given[:, ::F0_POINTS], bin_hz)
        along = np.stack([np.interp(times_s, frames_s, offset) for offset in cents])
        return np.asarray(given * 2 ** (along / 1200))

    def _descend(
        self,
        X: NDArray[np.float32],
        combs: NDArray[np.float32],
        start: SourceFilterModel,
        bins_hz: NDArray[np.float64],
        hop_s: float,
        frames_s: NDArray[np.float64],
    ) -> Iterator[None]:
        magnitudes = torch.from_numpy(X).to(self.device)
        bands = torch.from_numpy(start.bands).to(self.device)
        model = AllPoleModel(torch.from_numpy(combs).to(self.device), bins_hz, hop_s, self.config.order, bands)
        model.to(self.device).start_from(start)
        layout = self.problem.layout(sources=self.modelled, bins_hz=bins_hz, frames_s=frames_s)
        densities = self.problem.bind_priors(layout, Domain.SPECTROGRAMS)
        for misfit in descend(model, magnitudes, self.config.steps, self.config.learning_rate, densities):
            self.misfits.append(misfit)
            yield
        with torch.no_grad():
            self.harmonics, self.noise = model.harmonics().cpu().numpy(), model.noise().cpu().numpy()
        reached = torch.from_numpy(self.harmonics.sum(axis=0) + self.noise)
        begun = torch.from_numpy(start.mixture(combs))
        self.worse = not densities and not log_distance(magnitudes.cpu(), reached) <= log_distance(
            magnitudes.cpu(), begun
        )
        if self.worse or self.config.steps == 0:
            self.harmonics = np.stack([comb * start.envelope(source) for source, comb in enumerate(combs)])
            self.noise = start.noise
        constraints = self.problem.bind_constraints(layout, Domain.SPECTROGRAMS)
        self.magnitudes = (self.harmonics + self.noise / len(self.harmonics)).transpose(0, 2, 1)
        if constraints:
            self.magnitudes = constraints.project(self.magnitudes)
            self.violations |= constraints.violations(self.magnitudes)


def mean_magnitude(stft: STFT, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root of the mean power of all channels [shape=(frames, bins)]; channels cannot cancel in it."""
    power = np.zeros((stft.frames(samples.shape[-1]), stft.bins), np.float32)
    for channel in samples:
        power += np.square(stft.magnitude(channel).T)
    return np.sqrt(power / len(samples))
