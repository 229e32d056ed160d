"""The separator `flow-vae`: one pass of the trained posterior over the mixture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import WeightsError
from sepkit.music.audio import Audio
from sepkit.neural import Checkpoint, choose_device, generator, usable
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit_flow_sgld.vae import Encoder, project, projected_variance
from sepkit_flow_sgld.vae_config import EncoderOptions, FlowVAEConfig
from sepkit_flow_sgld.vae_training import METHOD

_BLOCK = 1 << 17
"""Samples that are computed at once."""


class FlowVAE(Separator[FlowVAEConfig]):
    """Separation by an amortised Normal posterior under flow priors.

    The network was trained on mixtures alone (see `FlowVAETrainer`): what it knows of the sources it has from the
    priors. A Normal density has one mode and the posterior has many: between several explanations of a mixture its mean
    lies in the middle. So it is fast, and a lower bound of what sampling gets.

    References
    ----------
    Frank and Ilse, "Problems using deep generative models for probabilistic audio source separation", 2020.
    """

    _checkpoint: Checkpoint
    _encoder: Encoder

    def load(self, weights: Path | None, run: Run) -> None:
        assert weights is not None
        checkpoint = Checkpoint.read(weights, METHOD)
        options = checkpoint.options(EncoderOptions)
        if options.sources != len(checkpoint.sources):
            raise WeightsError(
                f"the weights in {weights} are of {options.sources} stems and name {len(checkpoint.sources)}; train or "
                "fetch others"
            )
        encoder = checkpoint.built(lambda: Encoder(**options.model_dump()))
        self._checkpoint, self._encoder = checkpoint, encoder.to(choose_device(run))

    @property
    def sample_rate(self) -> int | None:
        """That of the recordings it was trained on."""
        return self._checkpoint.sample_rate

    @property
    def sources(self) -> tuple[str, ...]:
        """Those whose flows it was trained under."""
        return self._checkpoint.sources

    @property
    def parameters(self) -> int:
        """Number of trained parameters."""
        return sum(tensor.numel() for tensor in self._checkpoint.tensors.values())

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        device = choose_device(run)
        samples, rate = problem.mixture.samples[0], problem.mixture.sample_rate
        level = float(np.sqrt(problem.mixture.energies[0] / len(samples))) or 1.0
        stems, deviations = self._posterior(samples, level, device, run)
        rows = zip(self.sources, stems[:, None], deviations[:, None], strict=True)
        found = {name: (Audio(stem, rate), Audio(spread, rate)) for name, stem, spread in rows}
        run.report_uncertainty({name: spread for name, (_, spread) in found.items()})
        return {name: stem for name, (stem, _) in found.items()}

    def _posterior(
        self, samples: NDArray[np.float32], level: float, device: torch.device, run: Run
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Estimate and standard deviation of every trained source [shape=(sources, samples)], block by block."""
        encoder, length = self._encoder, len(samples)
        sigma = torch.tensor([self.config.level or encoder.noise.levels[0]], device=device)
        draw = generator(run.rng, device)
        stems, deviations = (large.empty((encoder.sources, length)) for _ in range(2))
        # Blocks begin where frames do, and see as far beyond their ends as the network looks: no seam can be told.
        size = _BLOCK // encoder.frame * encoder.frame
        for block in run.steps(-(-length // size), "separate"):
            start, stop = block * size, min((block + 1) * size, length)
            first, last = max(0, start - encoder.reach), min(length, stop + encoder.reach)
            seen = torch.from_numpy(samples[np.newaxis, first:last] / np.float32(level)).to(device)
            with torch.no_grad():
                mean, log_std = encoder(seen, sigma)
                if self.config.estimate == "sample":
                    mean = mean + log_std.exp() * torch.randn(mean.shape, generator=draw, device=device)
                inside = slice(start - first, stop - first)
                both = project(mean, seen)[0], projected_variance(log_std)[0].sqrt()
            with np.errstate(over="ignore"):
                for whole, values in zip((stems, deviations), both, strict=True):
                    part = level * values[:, inside].cpu().numpy()
                    whole[:, start:stop] = usable(part, "the weights of 'flow-vae'")
        return stems, deviations
