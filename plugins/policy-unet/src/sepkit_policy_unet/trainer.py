"""Training whose weights are kept, and that goes on where it was stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sepkit.errors import DatasetError
from sepkit.music.audio import Audio
from sepkit.problem.run import Run
from sepkit.solving.adaptation import Adaptation
from sepkit.training.trainer import Trainer, TrainingData
from sepkit_policy_unet.config import PolicyUNetTraining
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.learning import learn, named
from sepkit_policy_unet.prediction import predict
from sepkit_policy_unet.sizes import sized

STATE = "training.safetensors"


class PolicyUNetTrainer(Trainer[PolicyUNetTraining]):
    """Trains a network on mixtures alone, all of the same instruments. No stem is looked at."""

    from_mixtures = True

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn from the mixtures of all tracks as if they were one recording."""
        config = self.config
        # Of what is held back to choose by there is no use: the loss on the mixture itself tells.
        mixtures = [track.load_mixture().mixdown() for track in (*data.train, *data.valid)]
        rate = mixtures[0].sample_rate
        mixture = Audio(np.concatenate([one.resample(rate).samples for one in mixtures], axis=1), rate)
        size = sized(config.size, config.harmonics)
        frames = Frames.of(size, Adaptation.between(mixture, size.sample_rate, 1).adapted().samples[0], run)
        if not len(frames.heard):
            raise DatasetError("the mixtures are silent; give tracks in which there is something to learn from")
        names = data.sources or tuple(f"instrument{number}" for number in range(1, config.instruments + 1))
        model = learn(config, mixture, frames, len(names), run, state=folder / STATE, save_every=config.save_every)
        trained = named(model, predict(model, frames, "direct", run), names, {})
        about = {"seed": run.seed, "tracks": [track.name for track in (*data.train, *data.valid)]}
        trained.checkpoint({**about, **run.traces}).write(folder)
        (folder / STATE).unlink(missing_ok=True)
        if len(names) > 1:
            run.remark("which name is whose is arbitrary: the loudest instrument has the first")
