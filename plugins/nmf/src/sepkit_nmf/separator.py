"""The separator: factorise the magnitude spectrogram, then share the mixture out by soft masks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit_nmf.config import NMFConfig
from sepkit_nmf.grouping import atoms_of_sources
from sepkit_nmf.hosting import factorize_hosting
from sepkit_nmf.labelled import labelled_sources
from sepkit_nmf.sharing import normalized, source_magnitudes
from sepkit_nmf.spectrograms import SpectrogramConstraints
from sepkit_nmf.start import choose_start


class NMF(Separator[NMFConfig]):
    """Nonnegative matrix factorisation.

    The magnitude spectrogram of the mixture is approximated by templates times activations. Atoms belong to the source
    whose example they were learned from, or whose labels they keep to: those begin with what is heard where it sounds
    alone. The others are grouped by `group_atoms`, or become a stem each when no sources are named. Every source's
    share of the model is its soft mask on the mixture's spectrum.

    References
    ----------
    Lee and Seung, "Algorithms for non-negative matrix factorization", NIPS 2000.
    Févotte and Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence", Neural Computation
    23(9), 2011.
    Smaragdis, Raj and Shashanka, "Supervised and semi-supervised separation of sounds from single-channel mixtures",
    ICA 2007 (templates from examples, and from where a source sounds alone).
    Bryan and Mysore, "An efficient posterior regularized latent variable model for interactive sound source
    separation", ICML 2013 (boxes).
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        told = tuple(dict.fromkeys((*problem.side_information.examples, *labelled_sources(problem))))
        sources = problem.sources or told
        rate = problem.mixture.sample_rate
        samples = problem.mixture.samples[0].astype(self.config.precision, copy=False)
        stft = STFT.of_duration(self.config.window_s, self.config.overlap, rate)
        V = normalized(stft.magnitude(samples))
        axes: dict[str, Any] = {"bins_hz": stft.bins_hz(rate), "frames_s": stft.frames_s(len(samples), rate)}
        on_spectrograms = SpectrogramConstraints.of(problem, sources, **axes)
        start = choose_start(self.config, V, stft, problem, sources, run, apart=on_spectrograms.ask_something)
        if self.config.start is not None:
            told = tuple(dict.fromkeys(label for label in start.labels if label is not None))
        run.identify(told)
        sources = sources or told
        layout = problem.layout(atoms=tuple(Atom(source) for source in start.labels), **axes)
        allocation = on_spectrograms.allocation(start.labels)
        fit = factorize_hosting(
            V,
            start.W,
            start.H,
            self.config,
            layout,
            problem,
            run,
            allocation=allocation,
            free_w=start.free_w,
            free_h=start.free_h,
        )
        # An hour's spectrogram weighs twice its audio: it goes before the stems come.
        del V
        members = atoms_of_sources(fit.W, fit.H, start.labels, sources, bins_hz=axes["bins_hz"])
        # With the sources that they were given, so that whoever reads them again need not group them.
        owners = {index: source for source, atoms in members.items() for index in atoms} if sources else {}
        grouped = tuple(Atom(owners.get(index)) for index in range(len(start.labels)))
        run.keep(problem.layout(atoms=grouped, **axes), {Domain.TEMPLATES: fit.W, Domain.ACTIVATIONS: fit.H})
        allowed = on_spectrograms.projected(fit, members, run)

        def masks(block: slice) -> NDArray[np.floating]:
            magnitudes = source_magnitudes(fit, members, block) if allowed is None else allowed[..., block]
            return soft_masks(magnitudes, self.config.mask_exponent)

        stems = stft.filter(samples, masks, len(members), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem[np.newaxis], rate) for name, stem in zip(members, stems, strict=True)}
