"""Training on mixtures alone: of their voices nothing is known but F0, or a score from which it is found.

References
----------
Schulze-Forster et al., "Unsupervised music source separation using differentiable parametric source models", IEEE/ACM
TASLP 31, 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sepkit.errors import ConfigError, DatasetError
from sepkit.evaluation.dataset import Track
from sepkit.informed.f0_known import known_sources
from sepkit.informed.f0_tracking import track_f0
from sepkit.music.side import SideInformation
from sepkit.neural import Checkpoint, choose_device, fit, generator
from sepkit.problem.run import Run
from sepkit.training.trainer import Trainer, TrainingData
from sepkit_source_filter.hearing import HOP, RATE, Heard
from sepkit_source_filter.learning import drawn_loss, mixture_loss
from sepkit_source_filter.network import SourceFilterNetwork
from sepkit_source_filter.trained import METHOD
from sepkit_source_filter.training_config import SourceFilterTraining

STATE = "training.safetensors"
_VALIDATED = 16
"""Crops of a track, evenly spread, by which the best weights are chosen."""


class SourceFilterTrainer(Trainer[SourceFilterTraining]):
    """Learns to explain mixtures as sums of models, one for every voice."""

    from_mixtures = True

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn from the mixtures of all tracks; their stems are not looked at."""
        config, device = self.config, choose_device(run)
        known = [list(known_of(tracks, data.sources, run)) for tracks in (data.train, data.valid)]
        learned, judged = ([self._heard(track, side, run) for track, side in part] for part in known)
        if not learned:
            raise DatasetError(
                "no track to learn from has F0 or a score; put f0/<source>.csv or score.mid beside its mixture"
            )
        frames = max(2, round(config.crop_s * RATE / HOP) + 1)

        def loss(model: nn.Module, rng: np.random.Generator) -> Tensor:
            assert isinstance(model, SourceFilterNetwork)
            return drawn_loss(model, learned, config.crops, frames, rng)

        network = SourceFilterNetwork(config.size, config.order)
        network.draw(generator(run.rng))
        network.adapt(torch.cat([piece.spectrum for piece in learned]))
        tracks = [[track.name, *known_sources(side)] for part in known for track, side in part]
        recipe = {"tracks": tracks}
        done = fit(
            network.to(device),
            loss,
            config=config,
            state=folder / STATE,
            run=run,
            validate=validation(judged, frames, run.seed),
            recipe=recipe,
        )
        voices = tuple(dict.fromkeys(voice for _, *voices in tracks for voice in voices))
        about = {**recipe, "seed": run.seed, **done.about()}
        Checkpoint(METHOD, config.model_dump(mode="json"), voices, RATE, network.state_dict(), about).write(folder)
        (folder / STATE).unlink(missing_ok=True)

    def _heard(self, track: Track, known: SideInformation, run: Run) -> Heard:
        mixture, voices = track.load_mixture(), known_sources(known)
        tracks = track_f0(mixture, known, voices, run, self.config.f0_rounds, stage=f"follow F0 of {track.name}")
        return Heard.of(mixture, tracks[voices[0]].times_s, np.stack([tracks[voice].f0_hz for voice in voices]))


def known_of(tracks: Iterable[Track], sources: Sequence[str], run: Run) -> Iterator[tuple[Track, SideInformation]]:
    """Tracks with their F0 and scores; of those of which not all F0 is known it is told.

    Raises
    ------
    ConfigError
        If only some of the stems of a track are to be learned.
    """
    for track in tracks:
        known = SideInformation(track.load_score(), f0=track.load_f0())
        voices = known_sources(known)
        unknown = [source for source in track.sources if source not in voices]
        left = [source for source in track.sources if source not in sources]
        if unknown or not voices:
            what = f"no F0 is known of {', '.join(unknown)}" if voices else "it has neither F0 nor a score"
            run.remark(f"track {track.name} is skipped: {what}")
        elif left:
            raise ConfigError(
                f"'{METHOD}' learns from mixtures as they are, and {left[0]} sounds in {track.name}; name all sources, "
                "or none"
            )
        else:
            yield track, known


def validation(pieces: Sequence[Heard], frames: int, seed: int) -> Callable[[nn.Module], float] | None:
    """The mean loss on tracks that were held out, always with the same noise."""
    crops = [crop for piece in pieces for crop in spread(piece, frames)]
    if not crops:
        return None

    def validate(model: nn.Module) -> float:
        assert isinstance(model, SourceFilterNetwork)
        rng = np.random.default_rng(seed)
        return float(np.mean([float(mixture_loss(model, [crop], rng)) for crop in crops]))

    return validate


def spread(piece: Heard, frames: int) -> Iterator[Heard]:
    """Crops from the beginning to the end of a piece."""
    count = min(_VALIDATED, -(-piece.frames // frames))
    for first in np.linspace(0, max(0, piece.frames - frames), count).astype(int):
        yield piece.crop(int(first), frames)
