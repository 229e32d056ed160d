"""The training loop: against an independent computation, and what it does when a figure is no number any more."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sepkit import Progress, Run, SepkitError
from sepkit.errors import ConfigError
from sepkit.neural import fit, undrawn
from sepkit.training import TrainingConfig
from tests.learning import Line, learn, loss, tensors_of

X = np.random.default_rng(5).standard_normal((50, 4))
Y = X @ np.array([1.0, -1.0, 2.0, 0.0])


def batch(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(len(X), size=8)


def by_hand(config: TrainingConfig, seed: int) -> tuple[np.ndarray, list[float]]:
    """Adam, the rate, clipping and averaging written out for a line through points, whose gradient is known."""
    weight, mean, square = np.zeros(4), np.zeros(4), np.zeros(4)
    average, losses = np.zeros(4), []
    for step in range(config.steps):
        chosen = batch(np.random.default_rng([seed, step]))
        error = X[chosen] @ weight - Y[chosen]
        losses.append(float(np.mean(error**2)))
        gradient = 2 * X[chosen].T @ error / len(chosen)
        if config.clip_norm:
            gradient *= min(1, config.clip_norm / np.linalg.norm(gradient))
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        rate = config.learning_rate * min(1, (step + 1) / config.warmup if config.warmup else 1)
        corner = config.decay_from * config.steps
        if step > corner:
            rate *= np.interp(step, [corner, config.steps], [1, 0.02])
        unbiased = (mean / (1 - 0.9 ** (step + 1)), square / (1 - 0.999 ** (step + 1)))
        weight = weight - rate * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)
        average = weight if step == 0 else config.ema * average + (1 - config.ema) * weight
    return average, losses


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ema": 0.0},
        {"ema": 0.9, "clip_norm": 0.0},
        {"clip_norm": 0.05, "ema": 0.0},
        {"warmup": 0, "decay_from": 1.0},
        {"warmup": 10, "decay_from": 0.0, "learning_rate": 0.3},
    ],
    ids=str,
)
def test_weights_are_those_of_an_independent_computation(tmp_path: Path, options: dict[str, Any]) -> None:
    config = TrainingConfig(**{"steps": 40, "learning_rate": 0.05, "warmup": 5, "ema": 0.7, **options})

    def squared(model: nn.Module, rng: np.random.Generator) -> torch.Tensor:
        chosen = batch(rng)
        x, y = torch.from_numpy(X[chosen]), torch.from_numpy(Y[chosen])
        return torch.mean((model(x)[:, 0] - y) ** 2)

    model = undrawn(nn.Linear, 4, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    with Run(device="cpu", seed=3) as run:
        done = fit(model, squared, config=config, state=tmp_path / "state", run=run)
    weight, losses = by_hand(config, seed=3)
    assert model.weight.detach().numpy()[0] == pytest.approx(weight, rel=1e-4, abs=1e-5)
    assert done.losses == pytest.approx(losses, rel=1e-4)
    assert (done.steps, done.best_step, done.validations) == (40, 40, ())


def test_it_learns(tmp_path: Path) -> None:
    done, _ = learn(tmp_path / "state", steps=200)
    assert done.validations[-1] < 0.05 < 0.5 < done.validations[0]


class TestTurns:
    """Several losses take a step each."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (nn.Parameter(torch.zeros(3)) for _ in range(2))

    def taught(self, steps: int, seed: int = 3, **options: Any) -> tuple[list[str], Two]:
        turns: list[str] = []

        def loss(name: str) -> Callable[[nn.Module, np.random.Generator], torch.Tensor]:
            def one(model: nn.Module, rng: np.random.Generator) -> torch.Tensor:
                turns.append(name)
                weights: torch.Tensor = getattr(model, name)
                return ((weights - 1) ** 2).sum()

            return one

        model = self.Two()
        config = TrainingConfig(steps=steps, ema=0, warmup=0, decay_from=1)
        with Run(device="cpu", seed=seed) as run:
            fit(model, [loss("first"), loss("second")], config=config, run=run, **options)
        return turns, model

    def test_one_after_the_other(self) -> None:
        assert self.taught(5)[0] == ["first", "second", "first", "second", "first"]

    def test_shuffled_each_comes_once_in_every_round(self) -> None:
        turns = self.taught(40, shuffled=True)[0]
        rounds = {tuple(turns[start : start + 2]) for start in range(0, 40, 2)}
        assert rounds == {("first", "second"), ("second", "first")}
        assert turns == self.taught(40, shuffled=True)[0] != self.taught(40, seed=4, shuffled=True)[0]

    def test_weights_that_are_not_used_stay(self) -> None:
        model = self.taught(1)[1]
        assert bool((model.first != 0).all())
        assert bool((model.second == 0).all())


class TestValidation:
    def test_is_of_the_averaged_model_that_does_not_learn_from_it(self, tmp_path: Path) -> None:
        seen: list[tuple[bool, bool, bytes]] = []

        def validate(model: nn.Module) -> float:
            weight = model.line.weight  # type: ignore[union-attr]
            seen.append((model.training, torch.is_grad_enabled(), weight.detach().numpy().tobytes()))  # type: ignore[union-attr,operator]
            return -len(seen)

        done, tensors = learn(tmp_path / "state", validate=validate)
        assert [(training, gradients) for training, gradients, _ in seen] == [(False, False)] * 6
        assert seen[-1][2] == tensors["line.weight"]
        assert done.validations == (-1, -2, -3, -4, -5, -6)

    @pytest.mark.parametrize("steps", [3, 4, 10])
    def test_comes_every_so_often_and_at_the_end(self, tmp_path: Path, steps: int) -> None:
        done, _ = learn(tmp_path / "state", steps=steps)
        assert len(done.validations) == -(-steps // 4)

    @pytest.mark.parametrize(
        ("values", "patience", "best_step", "steps"),
        [
            ([5, 4, 3, 2, 1, 0], 1, 24, 24),
            ([5, 4, 6, 7, 0, 0], 2, 8, 16),
            ([5, 6, 0, 0, 0, 0], 1, 4, 8),
            ([5, 4, 6, 3, 7, 8], 2, 16, 24),
            ([5, 4, 6, 7, 8, 9], 0, 8, 24),
            ([1, 1, 1, 2, 2, 2], 2, 12, 20),
        ],
    )
    def test_stops_early_and_the_best_weights_are_kept(
        self, tmp_path: Path, values: list[float], patience: int, best_step: int, steps: int
    ) -> None:
        figures, averages = iter(values), []

        def validate(model: nn.Module) -> float:
            averages.append(tensors_of(model))
            return next(figures)

        events: list[Progress] = []
        run = Run(device="cpu", reporter=events.append)
        done, tensors = learn(tmp_path / "state", validate=validate, patience=patience, run=run)
        assert (done.steps, done.best_step) == (steps, best_step)
        assert done.validations == tuple(values[: steps // 4])
        assert tensors == averages[best_step // 4 - 1]
        assert events[-1].done == events[-1].total


class TestNoNumbers:
    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_as_loss(self, tmp_path: Path, value: float) -> None:
        steps = count()

        def diverge(model: nn.Module, rng: np.random.Generator) -> torch.Tensor:
            return loss(model, rng) * (value if next(steps) == 7 else 1)

        with pytest.raises(SepkitError, match=f"the loss became {value} after 7 steps; try a smaller learning rate"):
            learn(tmp_path / "state", loss=diverge)

    @pytest.mark.parametrize("clip_norm", [0.0, 1.0])
    def test_as_gradient(self, tmp_path: Path, clip_norm: float) -> None:
        steps = count()

        def diverge(model: nn.Module, rng: np.random.Generator) -> torch.Tensor:
            wrong = next(steps) == 5
            # The root has a value at zero and no slope.
            return loss(model, rng) + (torch.sqrt(0 * model.line.weight).sum() if wrong else 0)  # type: ignore[union-attr,operator]

        with pytest.raises(SepkitError, match="the gradient of the loss became nan after 5 steps"):
            learn(tmp_path / "state", loss=diverge, clip_norm=clip_norm)
        # What was saved before is still good to go on from.
        assert learn(tmp_path / "state", clip_norm=clip_norm)[0].steps == 24

    def test_as_validation(self, tmp_path: Path) -> None:
        with pytest.raises(SepkitError, match="the validation became nan after 4 steps"):
            learn(tmp_path / "state", validate=lambda model: float("nan"))


class TestRandomNumbers:
    def test_of_equal_seeds_are_equal(self, tmp_path: Path) -> None:
        results = [learn(tmp_path / f"state {i}", run=Run(device="cpu", seed=seed)) for i, seed in enumerate([1, 1, 2])]
        assert results[0] == results[1]
        assert results[0][1] != results[2][1]

    def test_of_others_are_left_alone(self, tmp_path: Path) -> None:
        def state() -> list[Any]:
            return [torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()]  # noqa: NPY002

        before = state()
        learn(tmp_path / "state")
        assert state() == before

    def test_of_a_huge_seed(self, tmp_path: Path) -> None:
        assert learn(tmp_path / "state", run=Run(device="cpu", seed=2**100))[0].steps == 24


def test_methods_of_the_model_can_be_called_by_the_loss(tmp_path: Path) -> None:
    class Named(Line):
        def error(self, x: torch.Tensor) -> torch.Tensor:
            return self(x).square().mean()

    def error(model: nn.Module, rng: np.random.Generator) -> torch.Tensor:
        return model.error(torch.from_numpy(rng.standard_normal((8, 3)).astype(np.float32)))  # type: ignore[union-attr,operator,return-value]

    assert learn(tmp_path / "state", model=Named(), loss=error)[0].steps == 24


def test_a_device_that_is_not_there_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cuda:99"):
        learn(tmp_path / "state", run=Run(device="cuda:99"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", ["steps", "warmup", "validate_every", "save_every", "patience", "ema", "clip_norm"])
def test_options_have_bounds(field: str) -> None:
    options: dict[str, Any] = {field: -1}
    with pytest.raises(ValueError, match=field):
        TrainingConfig(**options)


def test_loss_and_validation_are_shown_with_the_progress(tmp_path: Path) -> None:
    reports: list[Progress] = []
    done, _ = learn(tmp_path / "state", run=Run(device="cpu", reporter=reports.append), steps=8)
    assert reports[0].figures == {}
    assert reports[1].figures == {"loss": pytest.approx(done.losses[0])}
    assert reports[-1].figures == {"loss": pytest.approx(np.mean(done.losses)), "validation": done.validations[-1]}
