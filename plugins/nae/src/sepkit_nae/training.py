"""Training: decoders that start as templates of their sources' recordings, and an encoder that learns to find them.

Every step shows the model mixtures that never were: excerpts of the stems from anywhere, at random gains, summed. A few
seconds of every source go far that way.

References
----------
Smaragdis and Venkataramani, "A neural network alternative to non-negative audio models", ICASSP 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sepkit.evaluation.dataset import Track
from sepkit.neural import Checkpoint, choose_device, fit, generator
from sepkit.problem.run import Run
from sepkit.spectral import STFT
from sepkit.training.trainer import Trainer, TrainingData
from sepkit_nae.divergence import beta_divergence
from sepkit_nae.excerpts import Excerpts, Samples, read_aligned, read_sources
from sepkit_nae.start import fill
from sepkit_nae.trained import METHOD, SourceAutoencoder, build
from sepkit_nae.training_config import NAETraining
from sepkit_nmf import factorize, normalize_templates, normalized, random_init
from sepkit_nmf.config import fastest_solver

STATE = "training.safetensors"
# Templates start from at most so many frames of a source, validations look at so many of a track.
TEMPLATE_FRAMES = 4000
VALIDATION_FRAMES = 2000
# Relative to a mean of 1: what smaller outputs count as, and the least weight of a decoder, whose logarithm is trained.
FLOOR = 1e-6
LEAST_WEIGHT = 1e-4


class NAETrainer(Trainer[NAETraining]):
    """Learns a decoder for every source, and one encoder from mixtures to the activations of them all."""

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn from the stems of all tracks, brought to one sample rate."""
        config, device = self.config, choose_device(run)
        rate = config.sample_rate or next(iter(data.train[0].load_stems().values())).sample_rate
        stft = STFT.of_duration(config.window_s, config.overlap, rate)
        excerpts = Excerpts(stft, config.crop_frames, config.context_frames)
        recordings = read_sources(data.train, data.sources, rate)

        def batch(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
            drawn = excerpts.draw(recordings.values(), config.crops, config.gain_db, rng)
            return excerpts.magnitudes(drawn, device)

        def loss(model: nn.Module, rng: np.random.Generator) -> Tensor:
            X, V = batch(rng)
            return divergence(model(X), V, config.beta)

        model = build(config, stft, len(data.sources)).to(device)
        start(model, [self._templates(excerpts, source, recordings[source], run) for source in data.sources], run)
        scale_encoder(model, *batch(run.rng))
        parametrize.register_parametrization(model, "decoder", Exponential())
        recipe = {
            "tracks": [track.name for track in data.train],
            "sources": list(data.sources),
            "sample_rate": rate,
        }
        done = fit(
            model,
            loss,
            config=config,
            state=folder / STATE,
            run=run,
            validate=self._validation(excerpts, data, rate, device),
            recipe=recipe,
        )
        parametrize.remove_parametrizations(model, "decoder")
        about = {
            **recipe,
            "seed": run.seed,
            **done.about(),
        }
        options = config.model_dump(mode="json")
        Checkpoint(METHOD, options, data.sources, rate, model.state_dict(), about).write(folder)
        (folder / STATE).unlink(missing_ok=True)

    def _templates(self, excerpts: Excerpts, source: str, recording: Samples, run: Run) -> NDArray[np.floating]:
        """Templates of one source, as nonnegative matrix factorisation finds them [shape=(bins, rank)]."""
        spread = excerpts.spread(recording, TEMPLATE_FRAMES // excerpts.frames)
        _, V = excerpts.magnitudes(spread[:, np.newaxis], torch.device("cpu"))
        V = normalized(V[0].numpy())
        steps = partial(run.steps, stage=f"learn {source}")
        W, H = random_init(V, self.config.rank, run.rng)
        found = factorize(V, W, H, beta=self.config.beta, solver=fastest_solver(self.config.beta), steps=steps)
        templates: NDArray[np.floating] = normalize_templates(found.W, found.H, "l2")[0]
        return templates

    def _validation(
        self, excerpts: Excerpts, data: TrainingData, rate: int, device: torch.device
    ) -> Callable[[nn.Module], float] | None:
        """The mean divergence on tracks that were held out, as they were played."""
        if not data.valid:
            return None
        most = max(1, VALIDATION_FRAMES // excerpts.frames)
        shown = [self._excerpts_of(track, excerpts, data.sources, rate, most, device) for track in data.valid]

        def validate(model: nn.Module) -> float:
            return float(np.mean([float(divergence(model(X), V, self.config.beta)) for X, V in shown]))

        return validate

    @staticmethod
    def _excerpts_of(
        track: Track, excerpts: Excerpts, sources: Sequence[str], rate: int, most: int, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        stems = read_aligned(track, sources, rate)
        spread = np.stack([excerpts.spread(stem, most) for stem in stems], axis=1)
        return excerpts.magnitudes(spread, device)


class Exponential(nn.Module):
    """Weights as exponentials of what is trained: they stay positive, and steps are relative to their size."""

    def forward(self, exponents: Tensor) -> Tensor:
        """The weights."""
        return exponents.exp()

    def right_inverse(self, weights: Tensor) -> Tensor:
        """What is trained, from weights."""
        least = max(LEAST_WEIGHT * float(weights.mean()), torch.finfo(weights.dtype).tiny)
        return weights.clamp_min(least).log()


def divergence(Y: Tensor, V: Tensor, beta: float) -> Tensor:
    """Mean over bins and frames of the divergence between stems and outputs [shape=(sources, bins, frames)]."""
    return beta_divergence(V, Y, beta, FLOOR) / V[0].numel()


def start(model: SourceAutoencoder, templates: Sequence[NDArray[np.floating]], run: Run) -> None:
    """Fill the model: templates for decoders, and an encoder that looks for them."""
    W = torch.from_numpy(np.concatenate(templates, axis=1))
    fill(model, W, generator(run.rng, model.decoder.device))


@torch.no_grad()
def scale_encoder(model: SourceAutoencoder, X: Tensor, V: Tensor) -> None:
    """Scale the encoder so that outputs are as near to these stems as a scale can bring them."""
    Y = model(X)
    if bool(Y.any()):
        model.encoder.mul_((V * Y).sum() / Y.square().sum())
