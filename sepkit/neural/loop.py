"""The training loop: Adam, averaged weights, early stop, and a state to go on from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd import backward
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sepkit.errors import Cancelled, SepkitError
from sepkit.files import sweep
from sepkit.neural.adam import Adam
from sepkit.neural.device import choose_device
from sepkit.neural.state import Curves, load_state, save_state
from sepkit.problem.run import Run
from sepkit.training.config import TrainingConfig

Loss = Callable[[nn.Module, np.random.Generator], torch.Tensor]

_LAST_RATE = 0.02
_MOST_FIGURES = 2000
_SHOWN = 50
"""Of so many losses the mean is shown: that of one batch says little."""


@dataclass(frozen=True)
class Fit:
    """How a training went.

    Attributes
    ----------
    steps : int
        That were done in all, those before a resume included.
    best_step : int
        Whose weights the model has; 0 if they are those of the start.
    losses, validations : tuple of float
        After every step, and at every validation.
    """

    steps: int
    best_step: int
    losses: tuple[float, ...]
    validations: tuple[float, ...]

    def about(self) -> dict[str, Any]:
        """For the `about` of a checkpoint: it is read as a whole, so long curves are thinned to means of stretches."""
        return {
            "steps": self.steps,
            "best_step": self.best_step,
            "losses": _thinned(self.losses),
            "validations": _thinned(self.validations),
        }


def fit(
    model: nn.Module,
    loss: Loss | Sequence[Loss],
    *,
    config: TrainingConfig,
    run: Run,
    state: Path | None = None,
    validate: Callable[[nn.Module], float] | None = None,
    stage: str = "train",
    recipe: Mapping[str, Any] | None = None,
    from_weights: bool = False,
    shuffled: bool = False,
) -> Fit:
    """Train `model`, which holds the best weights at the end.

    With a `state`, a run that was killed goes on from there, and comes to the same weights as one that never was: what
    is random in a step depends on the seed and the number of the step alone. Without one no file is touched, as methods
    want it that fit a network to the one recording they separate.

    Parameters
    ----------
    model : torch.nn.Module
    loss : callable, or sequence of callables
        Gives the loss of one random batch from the model and a `numpy.random.Generator`. Several take turns, a step
        each; weights that one of them does not use stay as they are in its steps.
    config : TrainingConfig
    run : Run
        Gives seed and device, and may be cancelled at every step.
    state : Path, optional
        File for the state of training. It stays when all steps are done, so that nothing is lost should the weights not
        get written: remove it after that.
    validate : callable, optional
        A figure of the (averaged) model that is better when lower. Without it the last weights are the best.
    stage : str
        What the progress is called.
    recipe : mapping, optional
        What else the result depends on, such as names of tracks, as JSON: a state of another recipe is refused.
    from_weights : bool
        Whether the weights at the start are good for something: they are validated too, and kept if nothing is better.
    shuffled : bool
        Whether the order of several losses is another one in every round.

    Returns
    -------
    fit : Fit

    Raises
    ------
    ConfigError, WeightsError
        If `state` is of another training, or damaged.
    SepkitError
        If the loss, its gradient or the validation is no number any more.
    Cancelled
        After the state was saved, when it comes between two steps.
    """
    model.to(choose_device(run))
    optimizer = Adam(model.parameters(), config.learning_rate)
    averaging = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]
    average = AveragedModel(model, multi_avg_fn=averaging, use_buffers=True)
    modules = {"model": model, "average": average}
    losses = (loss,) if callable(loss) else tuple(loss)
    best: dict[str, torch.Tensor] = {}
    curves = Curves()
    made_by = {"config": config.model_dump(mode="json"), "seed": run.seed, **(recipe or {})}
    if state is not None:
        sweep(state.parent)
        if state.is_file():
            best, curves = load_state(state, modules, optimizer, made_by)

    def save() -> None:
        if state is not None:
            save_state(state, modules, optimizer, best, curves, made_by)

    def judge(module: nn.Module) -> None:
        nonlocal best
        assert validate is not None
        curves.validations.append(checked("validation", _validation(validate, module), curves.step))
        run.show(validation=curves.validations[-1])
        if curves.validations[-1] <= min(curves.validations):
            best, curves.best_step = _copied(module), curves.step

    if from_weights and validate is not None and not curves.validations:
        judge(model)
    for _ in _saved_if_cancelled(run.steps(config.steps - curves.step, stage), save):
        if _out_of_patience(config, curves):
            break
        optimizer.learning_rate = learning_rate(config, curves.step)
        turn = whose_turn(curves.step, len(losses), run.seed if shuffled else None)
        value = losses[turn](model, np.random.default_rng([run.seed, curves.step]))
        curves.losses.append(checked("loss", value.detach(), curves.step))
        run.show(loss=float(np.mean(curves.losses[-_SHOWN:])))
        optimizer.zero_grad()
        backward(value)
        norm = clip_grad_norm_(optimizer.parameters, config.clip_norm or math.inf)
        checked("gradient of the loss", norm, curves.step)
        optimizer.step()
        average.update_parameters(model)
        curves.step += 1
        if validate is not None and (curves.step % config.validate_every == 0 or curves.step == config.steps):
            judge(average.module)
        if curves.step % config.save_every == 0:
            save()
    save()
    model.load_state_dict(best or average.module.state_dict())
    if from_weights and best and curves.best_step == 0:
        run.remark("nothing that was learned did better on what was held back: the weights are those of the start")
    best_step = curves.best_step if best else curves.step
    return Fit(curves.step, best_step, tuple(curves.losses), tuple(curves.validations))


def whose_turn(step: int, count: int, seed: int | None) -> int:
    """Which of several losses a step is of: each is once in every round, whose order is drawn if there is a seed."""
    rounds, place = divmod(step, count)
    return place if seed is None else int(np.random.default_rng([seed, rounds, count]).permutation(count)[place])


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, a plateau, a linear fall."""
    rising = min(1.0, (step + 1) / max(1, config.warmup))
    start = config.decay_from * config.steps
    falling = 1.0 if step < start else 1 - (1 - _LAST_RATE) * (step - start) / max(1, config.steps - start)
    return config.learning_rate * rising * falling


def _saved_if_cancelled(steps: Iterator[int], save: Callable[[], None]) -> Iterator[int]:
    """The steps; what is cancelled between two of them is saved.

    Whatever else stops a training may leave a step half-done, and does not come by here: the last state saved counts.
    """
    try:
        yield from steps
    except Cancelled:
        save()
        raise


def checked(what: str, value: Any, step: int) -> float:
    """The figure as a number.

    Raises
    ------
    SepkitError
        If it is none any more.
    """
    number = float(value)
    if not math.isfinite(number):
        raise SepkitError(f"the {what} became {number} after {step} steps; try a smaller learning rate")
    return number


def _validation(validate: Callable[[nn.Module], float], model: nn.Module) -> float:
    training = model.training
    model.eval()
    with torch.no_grad():
        value = float(validate(model))
    model.train(training)
    return value


def _thinned(curve: tuple[float, ...]) -> list[float]:
    """At most some thousand figures, each the mean of those it stands for."""
    if len(curve) <= _MOST_FIGURES:
        return list(curve)
    return [float(np.mean(stretch)) for stretch in np.array_split(curve, _MOST_FIGURES)]


def _copied(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().clone() for key, value in model.state_dict().items()}


def _out_of_patience(config: TrainingConfig, curves: Curves) -> bool:
    if not config.patience or not curves.validations:
        return False
    since = (curves.step - curves.best_step) // config.validate_every
    return since >= config.patience
