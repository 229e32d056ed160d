"""The separator: source-filter models fitted block by block, then soft masks from what they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import ConfigError
from sepkit.informed.f0_known import known_sources
from sepkit.informed.f0_told import remark_on_notes
from sepkit.music.audio import Audio
from sepkit.neural import choose_device
from sepkit.problem.domain import Domain
from sepkit.problem.excerpt import excerpt
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.problem.spans import spans_of
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit_source_filter.block import Block
from sepkit_source_filter.config import SourceFilterConfig
from sepkit_source_filter.findings import Findings
from sepkit_source_filter.network import SourceFilterNetwork
from sepkit_source_filter.network_engine import NetworkEngine
from sepkit_source_filter.resynthesis import Resynthesis
from sepkit_source_filter.trained import read_network


class SourceFilter(Separator[SourceFilterConfig]):
    """Source-filter models of all voices, fitted to the mixture alone.

    F0 of every source comes from its track or its notes, and is made to follow the recording. A comb of partials, as
    wide as F0 moves within the window, goes through a filter that changes over time; noise is shared. First the filters
    are nonnegative mixtures of smooth envelopes, fitted by multiplicative updates, then all-pole filters, fitted by
    gradient descent. Soft masks from the models give the stems.

    References
    ----------
    Schulze-Forster, Richard, Kelley, Doire and Badeau, "Unsupervised music source separation using differentiable
    parametric source models", IEEE/ACM TASLP 31, 2023.
    Durrieu, Richard, David and Févotte, "Source/filter model for unsupervised main melody extraction from polyphonic
    audio signals", IEEE TASLP 18(3), 2010.
    """

    trained: SourceFilterNetwork | None = None

    @property
    def parameters(self) -> int:
        return sum(weights.numel() for weights in self.trained.parameters()) if self.trained else 0

    def load(self, weights: Path | None, run: Run) -> None:
        if weights is not None:
            self.trained = read_network(weights, choose_device(run))

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        device = choose_device(run)
        self.config.require_used(trained=self.trained is not None)
        require_priors_are_heard(problem, self.config, self.config.engine_with(trained=self.trained is not None))
        remark_on_notes(problem.side_information, run)
        known = known_sources(problem.side_information)
        wanted = problem.sources or known
        modelled = tuple(dict.fromkeys((*wanted, *known)))
        others = ", ".join(modelled[len(wanted) :])
        if others:
            run.remark(f"F0 or notes of {others} are given, and no such stem is wanted: their share is in no stem")
        chosen = _Fit(problem, self.config, wanted, modelled, device, self._network(len(modelled), run, device))
        work = chosen.work(run.rng)
        for _ in run.steps(chosen.units, "fit"):
            next(work)
        chosen.found.report(problem, run)
        if self.config.output == "synthesised":
            run.remark("the stems are synthesised: they and the mixture sound alike, but do not sum to it")
        rate = problem.mixture.sample_rate
        return {name: Audio(stem, rate) for name, stem in zip(wanted, chosen.stems, strict=True)}

    def _network(self, voices: int, run: Run, device: torch.device) -> NetworkEngine | None:
        if self.trained is not None:
            return NetworkEngine(self.trained, None)
        if self.config.engine_with(trained=False) == "direct":
            return None
        return NetworkEngine.drawn(self.config, voices, run, device)


def require_priors_are_heard(problem: Problem, config: SourceFilterConfig, engine: str) -> None:
    """Refuse priors on what the options leave as it is, or the engine gives.

    Raises
    ------
    ConfigError
    """
    for domain, option, count in (
        (Domain.F0, "f0_rounds", config.f0_rounds),
        (Domain.SPECTROGRAMS, "steps", config.steps),
    ):
        unheard = [prior.statement.name for prior in problem.priors if prior.domain == domain]
        if unheard and domain == Domain.SPECTROGRAMS and engine == "network":
            raise ConfigError(
                f"prior {unheard[0]} has no say over {domain.name} with engine network; leave it out, or set "
                "engine=direct without weights"
            )
        if unheard and count == 0:
            raise ConfigError(
                f"prior {unheard[0]} has no say over {domain.name} with {option}=0; leave it out, or give "
                f"{option} of 1 or more"
            )


class _Fit:
    """The blocks of a recording, one after the other, and the stems that they come to."""

    def __init__(
        self,
        problem: Problem,
        config: SourceFilterConfig,
        wanted: tuple[str, ...],
        modelled: tuple[str, ...],
        device: torch.device,
        network: NetworkEngine | None,
    ) -> None:
        self.problem, self.config, self.wanted, self.modelled = problem, config, wanted, modelled
        self.device, self.network = device, network
        mixture = problem.mixture
        self.stft = STFT.of_duration(config.window_s, config.overlap, mixture.sample_rate)
        self.spans = spans_of(mixture.length, mixture.sample_rate, config.block_s, self.stft.hop)
        self.stems = large.zeros((len(wanted), *mixture.samples.shape))
        self.found = Findings(modelled, self.stft.frames(mixture.length))
        self.resynthesis = Resynthesis(config, wanted) if config.output == "synthesised" else None

    @property
    def units(self) -> int:
        """Number of steps of `work`."""
        fit = self.config.updates + self.config.steps if self.network is None else self.network.steps
        return len(self.spans) * (self.config.f0_rounds + fit + 1)

    def work(self, rng: np.random.Generator) -> Iterator[None]:
        """Fit all blocks and filter the mixture by them, a step at a time."""
        for span in self.spans:
            part = excerpt(self.problem, span.start, span.stop)
            block = Block(part, self.config, self.modelled, self.stft, self.device, self.network)
            yield from block.fit(rng)
            masked = self._filtered(block)
            stems = masked if self.resynthesis is None else self.resynthesis.sound(block, span, masked, rng)
            self.stems[..., span.start : span.stop] += span.fades * stems
            self.found.add(block, span)
            yield

    def _filtered(self, block: Block) -> NDArray[np.floating]:
        count, exponent = len(self.wanted), self.config.mask_exponent
        bins = block.magnitudes.shape[1]

        def masks(frames: slice) -> NDArray[np.floating]:
            magnitudes = block.magnitudes[..., frames]
            all_bins = np.zeros((count, self.stft.bins, magnitudes.shape[2]), np.float32)
            all_bins[:, :bins] = soft_masks(magnitudes, exponent)[:count]
            if self.config.above == "share":
                octave = np.square(magnitudes[:, bins // 2 :]).sum(axis=1, keepdims=True)
                all_bins[:, bins:] = soft_masks(octave, exponent / 2)[:count]
            return all_bins

        return self.stft.filter(block.problem.mixture.samples, masks, count)
