"""From a recording to a trained network: pursuit, training from several starts, and the choice among these."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.neural import choose_device, generator
from sepkit.problem.run import Run
from sepkit.solving.digests import digest_arrays
from sepkit_policy_unet.choice import log_likelihood
from sepkit_policy_unet.config import LearningConfig
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.imitation import Teacher
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.prediction import Prediction, seconds_of_prediction
from sepkit_policy_unet.trained import Trained
from sepkit_policy_unet.training import Course, Training, seconds_of_step
from sepkit_sparse_pursuit.config import SparsePursuitConfig, ToneConfig
from sepkit_sparse_pursuit.dictionary_separator import audible
from sepkit_sparse_pursuit.naming import instruments_of_names, loudness_of
from sepkit_sparse_pursuit.separator import SparsePursuit
from sepkit_sparse_pursuit.tones import Array
from sepkit_sparse_pursuit.transform import Transform

_MANY_STEPS = 50
"""Steps beside which those that show how long one takes count for little."""


def learn(
    config: LearningConfig,
    mixture: Audio,
    frames: Frames,
    instruments: int,
    run: Run,
    *,
    state: Path | None = None,
    save_every: int = 100,
) -> Model:
    """Train networks on a mixture, and choose the one that explains it best.

    Parameters
    ----------
    config : LearningConfig
    mixture : Audio
        At its own rate, one channel.
    frames : Frames
        Of it, at the rate of the network.
    instruments : int
    run : Run
    state : Path, optional
        File from which a training that was stopped goes on.
    save_every : int
        Steps after which it is saved.

    Returns
    -------
    model : Model
        Of the one start.
    """
    model, losses = train_starts(config, mixture, frames, instruments, run, state=state, save_every=save_every)
    trained = [model.chosen(start) for start in range(config.starts)]
    likelihoods = [log_likelihood(trained[start], frames) for start in run.steps(config.starts, "compare starts")]
    best = int(np.argmax(likelihoods))
    run.trace("loss", losses[:, best])
    run.trace("log-likelihood by start", likelihoods)
    return trained[best]


def train_starts(
    config: LearningConfig,
    mixture: Audio,
    frames: Frames,
    instruments: int,
    run: Run,
    *,
    state: Path | None = None,
    save_every: int = 100,
) -> tuple[Model, NDArray[np.floating]]:
    """The networks of all starts, and the losses of their steps; parameters are those of `learn`."""
    model = Model(frames.size, instruments, config.starts)
    # Each start's weights are the same however many there are.
    model.network.draw([generator(np.random.default_rng([run.seed, start])) for start in range(config.starts)])
    model.to(choose_device(run))
    steps = config.steps or frames.size.steps
    step_s = seconds_of_step(model, frames) if config.imitation + steps >= _MANY_STEPS else 0.0
    then_s = seconds_of_prediction(model, frames)
    teacher = None
    if config.dictionary == "pursuit":
        network_s = (config.imitation / 2 + steps) * step_s + then_s
        teacher, dictionary = pursued(config, mixture, frames, instruments, run, network_s)
        if dictionary is not None:
            model.take(dictionary)
    course = Course(
        frames,
        run.seed,
        config.imitation if teacher else 0,
        steps,
        teacher,
        state,
        save_every,
        {"config": config.model_dump(mode="json"), "recording": digest_arrays(frames.samples)},
    )
    return model, Training(model, course).run(run, step_s, then_s)


def named(model: Model, found: Prediction, names: tuple[str, ...], known: Mapping[str, Array]) -> Trained:
    """Give names to the instruments: by examples of them, and then the loudest first."""
    dictionary = model.dictionary[0].detach().cpu().numpy()
    known = {name: harmonics[: model.size.harmonics] for name, harmonics in known.items()}
    order = instruments_of_names(names, dictionary, loudness_of(found.tones, dictionary), known)
    model.order.copy_(torch.as_tensor(order))
    return Trained(model, names)


def pursued(
    config: LearningConfig, mixture: Audio, frames: Frames, instruments: int, run: Run, then_s: float
) -> tuple[Teacher, Array] | tuple[None, None]:
    """What sparse pursuit finds in a mixture: tones to imitate, and a dictionary; neither where it hears nothing.

    Parameters are those of `learn`; what follows takes about `then_s` seconds.
    """
    samples, rate = mixture.samples[0], mixture.sample_rate
    transform = Transform.of(config, rate)
    Y, _ = transform.log_spectra(samples, partial(run.steps, stage="log spectrogram"))
    if not len(audible(Y)):
        return None, None
    own = {name: getattr(config, name) for name in ToneConfig.model_fields}
    pursuit = SparsePursuit(SparsePursuitConfig(**own))
    dictionary, tones = pursuit.explain(transform, Y, instruments, run, then_s=then_s)
    hz: NDArray[np.floating] = transform.axis.hz(tones.position)
    teacher = Teacher.of(frames.size, tones, hz, instruments, transform.stft.frames_s(len(samples), rate))
    return teacher, dictionary
