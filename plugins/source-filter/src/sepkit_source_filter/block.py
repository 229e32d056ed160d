"""The fit of one block of a recording: F0, the nonnegative start, the descent, and what is taken of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit.informed.f0_tracking import Tracking
from sepkit.informed.source_filter import SourceFilterModel, divergence
from sepkit.problem.domain import Domain
from sepkit.problem.prior import Density
from sepkit.problem.problem import Problem
from sepkit.spectral import STFT
from sepkit_source_filter.allpole import AllPoleModel
from sepkit_source_filter.config import SourceFilterConfig
from sepkit_source_filter.direct import descend, log_distance
from sepkit_source_filter.hearing import Heard
from sepkit_source_filter.lsf import lsf_of_logits
from sepkit_source_filter.network_engine import NetworkEngine


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
    network : NetworkEngine or None
        What gives the models; without it they are fitted directly.

    Attributes
    ----------
    magnitudes : ndarray [shape=(modelled, bins, frames)]
        Of every source with its share of the noise, up to `highest_hz`; the mean of the mixture's is 1.
    envelopes : ndarray [shape=(modelled, frames, bins)]
        Of the partials, after their strengths.
    strengths : ndarray [shape=(modelled, partials)]
        Of the partials by their number, the same in all frames.
    noise : ndarray [shape=(modelled, frames, bins)]
        Of every source.
    gains : ndarray [shape=(modelled, frames)]
    lsf : ndarray [shape=(modelled, frames, order)]
        Line spectral frequencies of the filters in radians, pi being `highest_hz`.
    tracking : Tracking
    frames_s : ndarray [shape=(frames,)]
    f0_hz : ndarray [shape=(modelled, frames)]
    moved_cents : ndarray [shape=(modelled, frames)]
        From the F0 that was given, NaN where unvoiced.
    misfits : list of float
        Of the nonnegative start and the all-pole model.
    losses : list of float
        Of the network that is fitted.
    noise_share : float
        Of the power, what the nonnegative start explains by noise.
    worse : bool
        Whether the descent ended worse than its start, which is the result then.
    violations : dict of str to float
    """

    problem: Problem
    config: SourceFilterConfig
    modelled: tuple[str, ...]
    stft: STFT
    device: torch.device
    network: NetworkEngine | None = None
    misfits: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    violations: dict[str, float] = field(default_factory=dict)
    noise_share: float = 0.0
    worse: bool = False
    tracking: Tracking = field(init=False)
    envelopes: NDArray[np.float32] = field(init=False)
    strengths: NDArray[np.float32] = field(init=False)
    noise: NDArray[np.float32] = field(init=False)
    gains: NDArray[np.float32] = field(init=False)
    lsf: NDArray[np.float32] = field(init=False)
    magnitudes: NDArray[np.float32] = field(init=False)

    def fit(self, rng: np.random.Generator) -> Iterator[None]:
        """Find everything, one step at a time."""
        tracking = Tracking(self.problem, self.modelled, self.stft, self.config.highest_hz)
        self.tracking = tracking
        start = tracking.model(self.config.envelopes, rng)
        self.strengths = start.strengths
        for misfit in tracking.refine(start, self.config.f0_rounds):
            self.misfits.append(misfit)
            yield
        follower = tracking.follower
        self.violations |= follower.constraints.violations(follower.f0_hz)
        self.frames_s, self.f0_hz, self.moved_cents = tracking.frames_s, tracking.f0_hz, tracking.moved_cents
        combs = follower.combs()
        layout = self.problem.layout(sources=self.modelled, bins_hz=tracking.bins_hz, frames_s=tracking.frames_s)
        if self.network is None:
            numbers = follower.numbers()
            for _ in range(self.config.updates):
                start.update(tracking.X, combs)
                start.update_strengths(tracking.X, combs, numbers)
                self.misfits.append(divergence(tracking.X, start.mixture(combs)))
                yield
            densities = self.problem.bind_priors(layout, Domain.SPECTROGRAMS)
            yield from self._descend(tracking, combs, start, densities)
        else:
            if self.config.f0_rounds:
                self.noise_share = noise_share(start, combs)
            yield from self._apply(self.network, tracking, rng)
        constraints = self.problem.bind_constraints(layout, Domain.SPECTROGRAMS)
        self.magnitudes = (combs * self.envelopes + self.noise).transpose(0, 2, 1)
        if constraints:
            self.magnitudes = constraints.project(self.magnitudes)
            self.violations |= constraints.violations(self.magnitudes)

    def _apply(self, network: NetworkEngine, tracking: Tracking, rng: np.random.Generator) -> Iterator[None]:
        heard = Heard.of(self.problem.mixture, tracking.follower.times_s, tracking.follower.f0_hz)
        for loss in network.fit(heard, rng):
            self.losses.append(loss)
            yield
        models = network.models(heard, tracking)
        self.envelopes, self.noise, self.gains, self.lsf = models.envelopes, models.noise, models.gains, models.lsf

    def _descend(
        self,
        tracking: Tracking,
        combs: NDArray[np.float32],
        start: SourceFilterModel,
        densities: Sequence[Density],
    ) -> Iterator[None]:
        bins_hz, hop_s = tracking.bins_hz, self.stft.hop / self.problem.mixture.sample_rate
        magnitudes = torch.from_numpy(tracking.X).to(self.device)
        bands = torch.from_numpy(start.bands).to(self.device)
        model = AllPoleModel(torch.from_numpy(combs).to(self.device), bins_hz, hop_s, self.config.order, bands)
        model.to(self.device).start_from(start)
        for misfit in descend(model, magnitudes, self.config.steps, self.config.learning_rate, densities):
            self.misfits.append(misfit)
            yield
        self._take(model)
        reached = torch.from_numpy((combs * self.envelopes).sum(axis=0) + self.noise.sum(axis=0))
        begun = torch.from_numpy(start.mixture(combs))
        self.noise_share = noise_share(start, combs)
        fitted, before = (log_distance(torch.from_numpy(tracking.X), one) for one in (reached, begun))
        self.worse = self.config.steps > 0 and not densities and not fitted <= before
        if self.worse or self.config.steps == 0:
            self.envelopes = np.stack([start.envelope(source) for source in range(len(combs))])
            self.noise = self._shared(start.noise)

    @torch.no_grad()
    def _take(self, model: AllPoleModel) -> None:
        """What the all-pole model came to."""
        self.envelopes, self.noise = model.envelopes().cpu().numpy(), self._shared(model.noise().cpu().numpy())
        self.lsf = (model.to_frames @ lsf_of_logits(model.logits)).cpu().numpy()
        self.gains = model.log_gains.exp().cpu().numpy()

    def _shared(self, noise: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same noise for every source, all of them together having as much [shape=(modelled, frames, bins)]."""
        count = len(self.modelled)
        return np.broadcast_to(noise / np.float32(count), (count, *noise.shape))


def noise_share(start: SourceFilterModel, combs: NDArray[np.float32]) -> float:
    """Of the power of a nonnegative model, that of its noise."""
    return float(np.square(start.noise).sum() / np.square(start.mixture(combs)).sum())
