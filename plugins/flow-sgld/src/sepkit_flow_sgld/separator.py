"""The separator: stems are sampled from their posterior by several chains, and the likeliest is the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from sepkit import large
from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.neural import choose_device, generator, read_by_source
from sepkit.problem.domain import Domain
from sepkit.problem.excerpt import excerpt
from sepkit.problem.prior import Density
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT
from sepkit_flow_sgld.bundled import bundled_weights
from sepkit_flow_sgld.chains import spread, weighted_mean, weights_of_chains
from sepkit_flow_sgld.config import FlowSGLDConfig
from sepkit_flow_sgld.denoising_evidence import denoising_evidence
from sepkit_flow_sgld.density import FlowDensity, SourceFlow
from sepkit_flow_sgld.feasible import FeasibleSet
from sepkit_flow_sgld.gaussian import GaussianDensity, mean_spectrum
from sepkit_flow_sgld.gibbs import BlockGibbs
from sepkit_flow_sgld.langevin import noise_levels
from sepkit_flow_sgld.posterior import Posterior, Scaled
from sepkit_flow_sgld.prior import METHOD, loaded_flow
from sepkit_flow_sgld.sampler import Annealing, Target
from sepkit_flow_sgld.starts import equal_shares, factorized_start, periodic_starts, wiener_shares
from sepkit_flow_sgld.windows import Window, fade_in, windows

_EVIDENCE_LEVELS = (0.02, 0.06, 0.18, 0.54)
"""Noise in which chains are found again, over the mixture's root mean square."""


class FlowSGLD(Separator[FlowSGLDConfig]):
    """Annealed Langevin sampling of stems that sum to the mixture.

    The priors are those that are declared, or else the flows whose weights were loaded: one for each source, by name.
    Sources that have no flow get a normal prior with the mixture's spectrum, and a remark says so.

    References
    ----------
    Jayaram and Thickstun, "Source separation with deep generative priors", ICML 2020.
    Frank and Ilse, "Problems using deep generative models for probabilistic audio source separation", 2020.
    """

    def __init__(self, config: FlowSGLDConfig) -> None:
        super().__init__(config)
        self._flows: dict[str, SourceFlow] = {}
        self._rate: int | None = None

    def load(self, weights: Path | None, run: Run) -> None:
        choose_device(run)
        folder = weights or bundled_weights()
        checkpoints = read_by_source(folder, METHOD)
        self._rate = next(iter(checkpoints.values())).sample_rate
        self._flows = {name: loaded_flow(checkpoint) for name, checkpoint in checkpoints.items()}

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for flow in self._flows.values() for parameter in flow.parameters())

    @property
    def sample_rate(self) -> int | None:
        return self._rate

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        sources, mixture = problem.sources or tuple(self._flows), problem.mixture
        if not sources:
            raise ConfigError("the sources need names; name them with sources=... or --sources")
        stems, deviations = (large.zeros((len(sources), *mixture.samples.shape)) for _ in range(2))
        if mixture.samples.any():
            self._remark_unknown(problem, sources, run)
            for window, found, deviation in self._sampled(problem, sources, stems, run):
                share = fade_in(window.known, found.shape[-1])
                stems[..., window.span] += share * (found - stems[..., window.span])
                deviations[..., window.span] += share * (deviation - deviations[..., window.span])
        stems, violations = FeasibleSet(problem, sources, 1.0, self._stft(mixture)).project_stems(stems)
        run.report_violations(violations)
        rate = mixture.sample_rate
        run.report_uncertainty({name: Audio(row, rate) for name, row in zip(sources, deviations, strict=True)})
        return {name: Audio(row, rate) for name, row in zip(sources, stems, strict=True)}

    def _sampled(
        self, problem: Problem, sources: tuple[str, ...], stems: np.ndarray, run: Run
    ) -> Iterator[tuple[Window, np.ndarray, np.ndarray]]:
        """Stems and their standard deviations, window after window; `stems` holds what was found before."""
        config, mixture = self.config, problem.mixture
        size, overlap = (max(1, round(s * mixture.sample_rate)) for s in (config.window_s, config.overlap_s))
        places = list(windows(mixture.length, size, overlap))
        steps = run.steps(len(places) * config.levels * config.steps, "sample")
        device = choose_device(run)
        random, heights = generator(run.rng, device), []
        level = float(np.sqrt(mixture.energies.sum() / mixture.samples.size))
        for window in places:
            part = excerpt(problem, window.start, window.stop)
            posterior = self._posterior(part, sources, level, run)
            if config.precondition and not posterior.knows_spectra:
                raise ConfigError(
                    "precondition needs priors that know spectra, such as stationary or spectral flows; leave it out"
                )
            known = torch.from_numpy(stems[..., window.start : window.start + window.known] / level)
            samples = torch.from_numpy(part.mixture.samples / np.float32(level)).to(device)
            powers = posterior.powers(mean_spectrum(samples), len(sources))
            # One source by itself, in the order of all.
            alone = cache(partial(self._each_alone, posterior, part, sources, run))
            target = Target(
                posterior=posterior,
                mixture=samples,
                start=self._start(part, samples, powers, posterior, alone, random, run),
                project=FeasibleSet(part, sources, level, self._stft(mixture)).project,
                powers=powers if config.precondition else None,
                known=known.to(device),
            )
            if config.sampler == "gibbs":
                chains = BlockGibbs(target, alone(), config, random).sample(steps)
            else:
                chains = Annealing(target, config, random).sample(steps)
            log_probs = self._log_probs(posterior, chains, random)
            if log_probs is not None:
                heights.append(float(log_probs.max()))
            found = weighted_mean(chains, weights_of_chains(log_probs, len(chains)))
            # A nat a sample is ruled out; less may be the prior's fault, which knows less than its density says.
            plausible = weights_of_chains(log_probs, len(chains), temperature=found.numel())
            doubt = torch.hypot(spread(chains, plausible), self._misfit(posterior, found, random))
            yield window, (level * found).cpu().numpy(), (level * doubt).cpu().numpy()
        for _ in steps:  # Lets the last step be reported.
            pass
        if len(heights) > 1:
            run.trace("log density of windows", heights)

    def _start(
        self,
        problem: Problem,
        mixture: torch.Tensor,
        powers: torch.Tensor,
        posterior: Posterior,
        alone: Callable[[], list[Posterior]],
        random: torch.Generator,
        run: Run,
    ) -> torch.Tensor:
        config, sources, rate = self.config, len(powers), problem.mixture.sample_rate
        if config.start == "noise" and config.sampler == "gibbs":
            return mixture.new_zeros((config.chains, sources, *mixture.shape))
        if config.start == "noise":
            return equal_shares(mixture, sources, config.chains)
        if config.start == "wiener":
            return wiener_shares(mixture, powers, config.chains)
        if config.start in ("auto", "prior"):
            stems = posterior.initial(mixture, sources, run.rng)
            if stems is not None:
                return stems.expand(config.chains, *stems.shape)
            if config.start == "prior":
                raise ConfigError("start=prior needs a prior that begins with stems, such as local-gaussian")
        if config.start == "factorized":
            stems = factorized_start(mixture, rate, alone(), _EVIDENCE_LEVELS, random, run)
            return stems.expand(config.chains, *stems.shape)
        first = noise_levels(config.highest, config.lowest, config.levels)[0]
        noise = first * torch.randn((sources, *mixture.shape), generator=random, device=mixture.device)
        return periodic_starts(mixture, sources, config.chains, rate, posterior.smoothed(first), noise)

    def _log_probs(self, posterior: Posterior, chains: torch.Tensor, random: torch.Generator) -> torch.Tensor | None:
        """Joint log density of every chain, or how well a prior without one finds it again in noise."""
        if self.config.select == "mean":
            return None
        if posterior.ranks:
            smoothed = posterior.smoothed(self.config.lowest)
            return torch.tensor([smoothed.log_prob(chain) for chain in chains], dtype=torch.float64)
        if posterior.smooths and len(chains) > 1:
            return denoising_evidence(posterior, chains, _EVIDENCE_LEVELS, random).cpu()
        return None

    def _misfit(self, posterior: Posterior, found: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """What priors that only know how to denoise do not find again of the stems: all chains may agree on it."""
        if posterior.ranks or not posterior.smooths:
            return torch.zeros_like(found)
        sigma = _EVIDENCE_LEVELS[0]
        noise = torch.randn(found.shape, generator=random, device=found.device, dtype=found.dtype)
        return posterior.denoised(found + sigma * noise, sigma) - found

    def _each_alone(
        self, posterior: Posterior, problem: Problem, sources: tuple[str, ...], run: Run
    ) -> list[Posterior]:
        return [self._alone(posterior, problem, sources, row, run) for row in range(len(sources))]

    def _alone(self, posterior: Posterior, problem: Problem, sources: tuple[str, ...], row: int, run: Run) -> Posterior:
        """The prior of one source by itself, in the units that it has among all `sources`."""
        layout = problem.layout(sources=(sources[row],))
        declared = problem.bind_priors(layout, Domain.WAVEFORMS, run)
        if declared:
            scales = [factor.scale for factor in posterior.factors]
            factors = [Scaled(density, (0,), scale) for density, scale in zip(declared, scales, strict=True)]
            return Posterior(tuple(factors), posterior.check)
        (factor,) = (factor for factor in posterior.factors if row in factor.sources)
        if isinstance(factor.density, GaussianDensity):
            density: Density = GaussianDensity(factor.density.spectra[:1], factor.density.length)
        else:
            density = FlowDensity([self._flows[sources[row]]], layout.shape(Domain.WAVEFORMS))
        return Posterior((Scaled(density, (0,), factor.scale),), posterior.check)

    def _posterior(self, problem: Problem, sources: tuple[str, ...], level: float, run: Run) -> Posterior:
        """The product of the declared priors, or else of the loaded flows."""
        layout = problem.layout(sources=sources)
        every = range(len(sources))
        declared = problem.bind_priors(layout, Domain.WAVEFORMS, run)
        if declared:
            factors = [Scaled.of(density, every, len(sources), level) for density in declared]
            return Posterior(tuple(factors), run.check_cancelled)
        modelled = [row for row in every if sources[row] in self._flows]
        others = [row for row in every if sources[row] not in self._flows]
        factors = []
        if modelled:
            flows = FlowDensity([self._flows[sources[row]] for row in modelled], layout.shape(Domain.WAVEFORMS))
            factors.append(Scaled.of(flows, modelled, len(sources), level))
        if others:
            spectrum = mean_spectrum(torch.from_numpy(problem.mixture.samples / np.float32(level))).numpy()
            shares = np.repeat(spectrum[np.newaxis] / len(sources), len(others), axis=0)
            factors.append(Scaled(GaussianDensity(shares, problem.mixture.length), tuple(others), 1.0))
        return Posterior(tuple(factors), run.check_cancelled)

    def _remark_unknown(self, problem: Problem, sources: tuple[str, ...], run: Run) -> None:
        unknown = [name for name in sources if name not in self._flows]
        if unknown and not any(prior.domain == Domain.WAVEFORMS for prior in problem.priors):
            run.remark(
                f"there is no flow for {', '.join(unknown)}, only for {', '.join(self._flows) or 'no source'}: their "
                "stems are little more than equal shares of the mixture; train flows of them (sepkit train flow) and "
                "give them with --weights, or declare priors"
            )

    def _stft(self, mixture: Audio) -> STFT:
        return STFT.of_duration(self.config.stft_window_s, 4, mixture.sample_rate)
