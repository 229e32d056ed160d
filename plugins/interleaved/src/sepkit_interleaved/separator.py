"""The separator: block by block the network's masks, of which the mixture is filtered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from sepkit.music.audio import Audio
from sepkit.neural import choose_device
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit_interleaved.blocks import Filtered
from sepkit_interleaved.config import InterleavedConfig
from sepkit_interleaved.trained import Trained


class Interleaved(Separator[InterleavedConfig]):
    """Networks with one encoder for all targets, and a decoder for each.

    What no target claims stays in the residual.

    References
    ----------
    Doire and Okubadejo, "Interleaved multitask learning for audio source separation with independent databases",
    arXiv:1908.05182, 2019.
    """

    trained: Trained | None = None

    @property
    def parameters(self) -> int:
        return 0 if self.trained is None else self.trained.parameters

    @property
    def sample_rate(self) -> int | None:
        return None if self.trained is None else self.trained.sample_rate

    @property
    def sources(self) -> tuple[str, ...]:
        return () if self.trained is None else self.trained.targets

    def load(self, weights: Path | None, run: Run) -> None:
        assert weights is not None
        self.trained = Trained.read(weights, choose_device(run))

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        assert self.trained is not None
        choose_device(run)
        mixture, trained, config = problem.mixture, self.trained, self.config
        rounds = config.wiener_iterations if config.post_filter == "wiener" else 0
        targets = problem.sources or trained.targets
        spectra = Filtered(trained, targets, mixture.samples, joint=config.post_filter != "none", rounds=rounds)
        shape = (len(targets), *mixture.samples.shape)
        stems = trained.plan.stft.synthesize(spectra, shape, steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem, mixture.sample_rate) for name, stem in zip(targets, stems, strict=True)}
