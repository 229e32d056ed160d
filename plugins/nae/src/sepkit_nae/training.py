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

from sepkit.errors import DatasetError
from sepkit.evaluation.dataset import Track
from sepkit.neural import Checkpoint, choose_device, fit, generator
from sepkit.problem.run import Run
from sepkit.solving.digests import digest_folder
from sepkit.spectral import STFT
from sepkit.training.trainer import Trainer, TrainingData
from sepkit_nae.divergence import beta_divergence
from sepkit_nae.excerpts import Excerpts, read_aligned, read_sources
from sepkit_nae.start import fill
from sepkit_nae.trained import METHOD, SourceAutoencoder, TrainedAutoencoder, build
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
# What describes the model, and the divergence by which its encoder learned to find activations.
MODEL = ("window_s", "overlap", "rank", "encoder_hidden", "context_frames", "beta")


class NAETrainer(Trainer[NAETraining]):
    """Learns a decoder for every source, and one encoder from mixtures to the activations of them all."""

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn from the stems of all tracks, brought to one sample rate."""
        rate = self.config.sample_rate or next(iter(data.train[0].load_stems().values())).sample_rate
        lesson = _Lesson(self.config, data, data.sources, rate, choose_device(run))
        model = build(self.config, lesson.excerpts.stft, len(data.sources)).to(lesson.device)
        start(model, [self._templates(lesson, source, run) for source in data.sources], run)
        scale_encoder(model, *lesson.batch(run.rng))
        lesson.learn(model, folder, run)

    def fine_tune(self, weights: Path, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn on from templates and encoder of `weights`, at their sample rate."""
        checkpoint = Checkpoint.read(weights, METHOD)
        config = checkpoint.tuned_options(self.config, MODEL)
        require_all(checkpoint.sources, data.sources)
        lesson = _Lesson(config, data, checkpoint.sources, checkpoint.sample_rate, choose_device(run))
        trained = TrainedAutoencoder.read(weights, lesson.device)
        lesson.learn(trained.model.requires_grad_(True).train(), folder, run, digest_folder(weights))

    def _templates(self, lesson: _Lesson, source: str, run: Run) -> NDArray[np.floating]:
        """Templates of one source, as nonnegative matrix factorisation finds them [shape=(bins, rank)]."""
        excerpts = lesson.excerpts
        spread = excerpts.spread(lesson.recordings[source], TEMPLATE_FRAMES // excerpts.frames)
        _, V = excerpts.magnitudes(spread[:, np.newaxis], torch.device("cpu"))
        V = normalized(V[0].numpy())
        steps = partial(run.steps, stage=f"learn {source}")
        W, H = random_init(V, self.config.rank, run.rng)
        found = factorize(V, W, H, beta=self.config.beta, solver=fastest_solver(self.config.beta), steps=steps)
        templates: NDArray[np.floating] = normalize_templates(found.W, found.H, "l2")[0]
        return templates


class _Lesson:
    """What is shown to a model, and how it learns from that."""

    def __init__(
        self, config: NAETraining, data: TrainingData, sources: Sequence[str], rate: int, device: torch.device
    ) -> None:
        self.config, self.data, self.sources, self.rate, self.device = config, data, sources, rate, device
        stft = STFT.of_duration(config.window_s, config.overlap, rate)
        self.excerpts = Excerpts(stft, config.crop_frames, config.context_frames)
        self.recordings = read_sources(data.train, sources, rate)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Mixtures that never were, and their stems."""
        drawn = self.excerpts.draw(self.recordings.values(), self.config.crops, self.config.gain_db, rng)
        return self.excerpts.magnitudes(drawn, self.device)

    def learn(self, model: SourceAutoencoder, folder: Path, run: Run, weights: str | None = None) -> None:
        """Fit the model and write it; `weights` is the digest of those that it has already."""

        def loss(model: nn.Module, rng: np.random.Generator) -> Tensor:
            X, V = self.batch(rng)
            return divergence(model(X), V, self.config.beta)

        parametrize.register_parametrization(model, "decoder", Exponential())
        recipe = {
            "tracks": [track.name for track in self.data.train],
            "sources": list(self.sources),
            "sample_rate": self.rate,
            **({} if weights is None else {"from": weights}),
        }
        done = fit(
            model,
            loss,
            config=self.config,
            state=folder / STATE,
            run=run,
            validate=self._validation(),
            recipe=recipe,
            from_weights=weights is not None,
        )
        parametrize.remove_parametrizations(model, "decoder")
        about = {
            **recipe,
            "seed": run.seed,
            **done.about(),
        }
        options = self.config.model_dump(mode="json")
        Checkpoint(METHOD, options, tuple(self.sources), self.rate, model.state_dict(), about).write(folder)
        (folder / STATE).unlink(missing_ok=True)

    def _validation(self) -> Callable[[nn.Module], float] | None:
        """The mean divergence on tracks that were held out, as they were played."""
        if not self.data.valid:
            return None
        most = max(1, VALIDATION_FRAMES // self.excerpts.frames)
        shown = [self._excerpts_of(track, most) for track in self.data.valid]

        def validate(model: nn.Module) -> float:
            return float(np.mean([float(divergence(model(X), V, self.config.beta)) for X, V in shown]))

        return validate

    def _excerpts_of(self, track: Track, most: int) -> tuple[Tensor, Tensor]:
        stems = read_aligned(track, self.sources, self.rate)
        spread = np.stack([self.excerpts.spread(stem, most) for stem in stems], axis=1)
        return self.excerpts.magnitudes(spread, self.device)


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


def require_all(known: Sequence[str], given: Sequence[str]) -> None:
    """Every decoder hears every mixture: all sources of the weights are learned on together, and no others.

    Raises
    ------
    DatasetError
    """
    strange = [source for source in given if source not in known]
    if strange:
        raise DatasetError(
            f"these weights know {', '.join(known)} and not '{strange[0]}'; choose those with --sources, or train anew"
        )
    missing = [source for source in known if source not in given]
    if missing:
        raise DatasetError(f"there is nothing to learn '{missing[0]}' from, which these weights know; give something")
