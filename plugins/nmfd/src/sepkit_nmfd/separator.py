"""The separator: deconvolve the magnitude spectrogram, then share the mixture out by soft masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import ConfigError
from sepkit.informed.parts_asked import remark_on_strangers, wanted_parts
from sepkit.music.audio import Audio
from sepkit.music.score import Score
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit_classical import HPSSConfig, PartMasks
from sepkit_nmf import atoms_of_sources, normalized
from sepkit_nmfd.config import NMFDConfig
from sepkit_nmfd.hosting import deconvolve_hosting
from sepkit_nmfd.restoration import restored
from sepkit_nmfd.sharing import source_magnitudes
from sepkit_nmfd.start import choose_start, learn_templates, require_learned

Array = NDArray[np.floating]


class NMFD(Separator[NMFDConfig]):
    """Nonnegative matrix factor deconvolution.

    Every drum has a template that is a short spectrogram, and activations that say when it is struck. Templates start
    from recordings of single hits, activations at the onsets of a score, and what is not told is drawn; then both are
    fitted to the magnitude spectrogram of the mixture. Every source's share of the model is its soft mask.

    References
    ----------
    P. Smaragdis, "Non-negative matrix factor deconvolution; extraction of multiple sound sources from monophonic
    inputs", ICA 2004.
    C. Dittmar and M. Müller, "Reverse engineering the Amen break: score-informed separation and restoration applied to
    drum recordings", IEEE/ACM TASLP 24(9), 2016.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, samples, rate = self.config, problem.mixture.samples[0], problem.mixture.sample_rate
        score, examples = problem.side_information.score, problem.side_information.examples
        require_learned(config.frozen, tuple(examples), config.adapt)
        modelled = _modelled(problem)
        if config.restore and score is None:
            raise ConfigError("restore needs onsets: give a score or an onset list, with --score")
        if score is not None:
            remark_on_strangers(score, problem.sources, run, known=tuple(examples))
            _remark_on_names(score, tuple(examples), run)
        run.identify({*examples, *(() if score is None else score.parts)})
        stft = STFT.of_duration(config.window_s, config.overlap, rate)
        lags = max(1, round(config.template_s * rate / stft.hop))
        axes: dict[str, Any] = {"bins_hz": stft.bins_hz(rate), "frames_s": stft.frames_s(len(samples), rate)}
        templates = learn_templates(config, stft, lags, examples, run)
        V = stft.magnitude(samples)
        part = PartMasks(samples[np.newaxis], rate, stft, HPSSConfig()) if config.percussive else None
        if part is not None:
            for block in stft.blocks(len(samples)):
                V[:, block] *= part(block)[1]
        V = normalized(V)
        start = choose_start(config, V, lags, axes["frames_s"], modelled, score, templates, run.rng)
        layout = problem.layout(atoms=start.atoms, lengths={"lags": lags}, **axes)
        fit = deconvolve_hosting(V, start, config, layout, problem, run)
        del V
        labels = [atom.source for atom in start.atoms]
        members = atoms_of_sources(fit.W.sum(axis=2), fit.H, labels, modelled, bins_hz=axes["bins_hz"])
        wanted = problem.sources or tuple(members)

        def masks(block: slice) -> Array:
            # Parts that nobody asked for sound all the same, and take their share.
            shares = soft_masks(source_magnitudes(fit, members, block), config.mask_exponent)[: len(wanted)]
            return shares if part is None else shares * part(block)[1]

        if config.restore:
            stems = self._restored(samples, masks, stft, [_onsets(score, name, rate) for name in wanted], run)
        else:
            stems = stft.filter(samples, masks, len(wanted), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem[np.newaxis], rate) for name, stem in zip(wanted, stems, strict=True)}

    def _restored(
        self, samples: Array, masks: Callable[[slice], Array], stft: STFT, onsets: Sequence[Sequence[int]], run: Run
    ) -> Array:
        """One stem after the other, so that one spectrum is held at a time; those without onsets are filtered."""
        stems = np.empty((len(onsets), len(samples)), samples.dtype)
        for number, one in enumerate(onsets):

            def mask(block: slice, number: int = number) -> Array:
                one_mask: Array = masks(block)[number]
                return one_mask

            steps = partial(run.steps, stage=f"restore stem {number + 1}")
            stems[number] = restored(
                samples, mask, stft, one, iterations=self.config.restore if one else 0, steps=steps
            )
        return stems


def _remark_on_names(score: Score, examples: Sequence[str], run: Run) -> None:
    """Tell of examples that no part of the score is called like: their onsets and sounds are not brought together."""
    strange = [name for name in examples if name not in score.parts]
    if strange:
        run.remark(
            f"no part of the score is called {', '.join(map(repr, strange))} like its example, so its onsets are not "
            f"known; the parts are {', '.join(map(repr, score.parts))}"
        )


def _onsets(score: Score | None, name: str, rate: int) -> list[int]:
    """The onsets of one source, in samples."""
    return [] if score is None else sorted({round(note.onset_s * rate) for note in score.part(name).notes})


def _modelled(problem: Problem) -> tuple[str, ...]:
    """The sources asked for first, then all others that something is known of."""
    score, examples = problem.side_information.score, problem.side_information.examples
    if score is None:
        return problem.sources or tuple(examples)
    wanted = wanted_parts(score, problem.sources)
    return (*wanted, *(name for name in (*score.parts, *examples) if name not in wanted))
