"""Training of the variational posterior: the evidence lower bound on mixtures, nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sepkit.errors import DatasetError
from sepkit.evaluation.dataset import Track
from sepkit.music.audio import Audio
from sepkit.music.side import SideInformation
from sepkit.neural import Checkpoint, choose_device, fit, generator
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.run import Run
from sepkit.training.trainer import Trainer, TrainingData
from sepkit_flow_sgld.bundled import bundled_weights
from sepkit_flow_sgld.posterior import Scaled
from sepkit_flow_sgld.prior import FlowPrior, checkpoints_of
from sepkit_flow_sgld.vae import Encoder, entropy, project
from sepkit_flow_sgld.vae_config import EncoderOptions, FlowVAETrainingConfig

METHOD = "flow-vae"
"""As which checkpoints are marked."""

_VALIDATION_EXCERPTS = 32

Signal = NDArray[np.float32]


class FlowVAETrainer(Trainer[FlowVAETrainingConfig]):
    """Learns the posterior of the stems that flows know, from mixtures; it never sees a stem."""

    from_mixtures = True

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        config = self.config
        priors = config.priors or bundled_weights()
        rate = checkpoints_of(data.sources, priors)[0].sample_rate
        layout = Layout(
            mixture=Audio(np.zeros((1, config.excerpt), np.float32), rate),
            side_information=SideInformation(),
            sources=data.sources,
        )
        every = range(len(data.sources))
        density = Scaled.of(FlowPrior(weights=priors).bind(layout, Domain.WAVEFORMS), every, len(every), 1.0)
        device = choose_device(run)
        mixtures = _mixtures(data.train, rate)
        held_out = _mixtures(data.valid, rate)
        options = EncoderOptions(
            sources=len(data.sources),
            frame=config.frame,
            width=config.width,
            dilations=config.dilations,
            levels=(config.lowest, config.highest),
        )
        encoder = Encoder(**options.model_dump())
        encoder.initialize(generator(run.rng))

        def loss(model: nn.Module, rng: np.random.Generator) -> Tensor:
            excerpts = _excerpts(mixtures, config.batch, config.excerpt, rng).to(device)
            return self._negative_elbo(model, excerpts, density, rng)

        def validate(model: nn.Module) -> float:
            # The same excerpts, levels and noise at every validation, or they could not be compared.
            rng = np.random.default_rng(run.seed)
            excerpts = _excerpts(held_out, _VALIDATION_EXCERPTS, config.excerpt, rng).to(device)
            return float(self._negative_elbo(model, excerpts, density, rng))

        state = folder / "training.safetensors"
        done = fit(
            encoder,
            loss,
            config=config,
            state=state,
            run=run,
            validate=validate if held_out else None,
            recipe={"tracks": [track.name for track in data.train], "sources": list(data.sources)},
        )
        Checkpoint(
            method=METHOD,
            config=options.model_dump(mode="json"),
            sources=data.sources,
            sample_rate=rate,
            tensors=encoder.state_dict(),
            about={
                "training": config.model_dump(mode="json"),
                "seed": run.seed,
                "tracks": len(data.train),
                **done.about(),
            },
        ).write(folder)
        state.unlink(missing_ok=True)

    def _negative_elbo(self, model: nn.Module, mixtures: Tensor, density: Scaled, rng: np.random.Generator) -> Tensor:
        """Of a batch at one noise level, in nats for every value of a stem."""
        low, high = np.log(self.config.lowest), np.log(self.config.highest)
        sigma = float(np.exp(rng.uniform(low, high)))
        mean, log_std = model(mixtures, mixtures.new_tensor([sigma]))
        noise = torch.randn(mean.shape, generator=generator(rng, mean.device), device=mean.device)
        stems = project(mean + log_std.exp() * noise, mixtures)
        smoothed = density.smoothed(sigma)
        log_prob = smoothed.density.log_prob(smoothed.part(stems.unsqueeze(2)))
        # The noise of a level alone has this entropy: without it, losses of different levels could not be averaged.
        values = mean[0].numel()
        negative: Tensor = -(log_prob + entropy(log_std)).mean() / values - float(np.log(density.scale))
        return negative


def _mixtures(tracks: Iterable[Track], sample_rate: int) -> list[Signal]:
    """Mixtures with root mean square 1 [shape=(samples,)]; silent ones are left out."""
    mixtures = []
    for track in tracks:
        samples = track.load_mixture().mixdown().resample(sample_rate).samples[0]
        level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
        if level > 0:
            mixtures.append((samples / level).astype(np.float32))
    return mixtures


def _excerpts(mixtures: list[Signal], count: int, length: int, rng: np.random.Generator) -> Tensor:
    """Random excerpts [shape=(count, length)], long recordings more often; short ones end in silence."""
    if not mixtures:
        raise DatasetError("every mixture to learn from is silent; give others")
    sizes = np.array([len(mixture) for mixture in mixtures], float)
    excerpts = np.zeros((count, length), np.float32)
    for row, index in zip(excerpts, rng.choice(len(mixtures), count, p=sizes / sizes.sum()), strict=True):
        mixture = mixtures[index]
        start = rng.integers(max(1, len(mixture) - length + 1))
        piece = mixture[start : start + length]
        row[: len(piece)] = piece
    return torch.from_numpy(excerpts)
