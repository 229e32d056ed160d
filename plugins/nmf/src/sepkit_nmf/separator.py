"""The separator: factorise the magnitude spectrogram, then share the mixture out by soft masks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit_nmf.config import NMFConfig
from sepkit_nmf.factorization import Factorization, factorize
from sepkit_nmf.grouping import atoms_of_sources
from sepkit_nmf.sharing import normalized, source_magnitudes
from sepkit_nmf.start import Start, choose_start


class NMF(Separator[NMFConfig]):
    """Nonnegative matrix factorisation.

    The magnitude spectrogram of the mixture is approximated by templates times activations. Atoms belong to the source
    whose example they were learned from; the others are grouped by `group_atoms`, or become a stem each when no
    sources are named. Every source's share of the model is its soft mask on the mixture's spectrum.

    References
    ----------
    Lee and Seung, "Algorithms for non-negative matrix factorization", NIPS 2000.
    Févotte and Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence", Neural Computation
    23(9), 2011.
    Smaragdis, Raj and Shashanka, "Supervised and semi-supervised separation of sounds from single-channel mixtures",
    ICA 2007 (templates from examples).
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        sources = self._sources(problem)
        rate = problem.mixture.sample_rate
        run.identify(self.config.templates)
        samples = problem.mixture.samples[0].astype(self.config.precision, copy=False)
        stft = STFT.of_duration(self.config.window_s, self.config.overlap, rate)
        V = normalized(stft.magnitude(samples))
        start = choose_start(self.config, V, stft, rate, sources, run)
        axes = {"bins_hz": stft.bins_hz(rate), "frames_s": stft.frames_s(len(samples), rate)}
        fit = self._factorize(V, start, problem, axes, run)
        # An hour's spectrogram weighs twice its audio: it goes before the stems come.
        del V
        members = atoms_of_sources(fit.W, fit.H, start.labels, sources, **axes)

        def masks(block: slice) -> NDArray[np.floating]:
            return soft_masks(source_magnitudes(fit, members, block), self.config.mask_exponent)

        stems = stft.filter(samples, masks, len(members), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem[np.newaxis], rate) for name, stem in zip(members, stems, strict=True)}

    def _sources(self, problem: Problem) -> tuple[str, ...]:
        """The names wanted, or else those of the examples."""
        sources = problem.sources or tuple(self.config.templates)
        stray = [source for source in self.config.templates if source not in sources]
        if stray:
            wanted = ", ".join(sources)
            raise ConfigError(f"templates are given for '{', '.join(stray)}', which is not among the sources {wanted}")
        return sources

    def _factorize(
        self, V: NDArray[np.floating], start: Start, problem: Problem, axes: dict[str, Any], run: Run
    ) -> Factorization:
        layout = problem.layout(atoms=tuple(Atom(source) for source in start.labels), **axes)
        on_w = problem.bind_constraints(layout, Domain.TEMPLATES)
        on_h = problem.bind_constraints(layout, Domain.ACTIVATIONS)
        fit = factorize(
            V,
            start.W,
            start.H,
            beta=self.config.beta,
            solver=self.config.chosen_solver,
            max_iterations=self.config.iterations,
            tolerance=self.config.tolerance,
            support_w=on_w.support(),
            support_h=on_h.support(),
            free_w=start.free_w,
            free_h=start.free_h,
            densities_w=problem.bind_priors(layout, Domain.TEMPLATES),
            densities_h=problem.bind_priors(layout, Domain.ACTIVATIONS),
            project_w=on_w.beyond_support().project if on_w.beyond_support() else None,
            project_h=on_h.beyond_support().project if on_h.beyond_support() else None,
            steps=partial(run.steps, stage="factorise"),
        )
        run.trace("cost", fit.costs)
        run.keep(layout, {Domain.TEMPLATES: fit.W, Domain.ACTIVATIONS: fit.H})
        run.report_violations({**on_w.violations(fit.W), **on_h.violations(fit.H)})
        return fit
