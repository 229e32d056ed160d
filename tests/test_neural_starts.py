"""Fitting from several starts at once: as if one after the other, and the best is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sepkit import Run
from sepkit.errors import Cancelled, SepkitError
from sepkit.neural import fit, fit_starts, generator, undrawn
from sepkit.training import TrainingConfig
from tests.learning import Line, cancelled_at, learn, loss, validate

X = torch.from_numpy(np.random.default_rng(5).standard_normal((40, 3)).astype(np.float32))
Y = torch.sin(X @ torch.tensor([[1.0], [-2.0], [0.5]]))


def net(seed: int) -> nn.Module:
    """Two layers, drawn from a seed."""
    model = nn.Sequential(undrawn(nn.Linear, 3, 4), nn.Tanh(), undrawn(nn.Linear, 4, 1))
    drawn = generator(np.random.default_rng(seed))
    for weights in model.parameters():
        nn.init.normal_(weights, generator=drawn)
    return model


def error(model: nn.Module, rng: np.random.Generator) -> torch.Tensor:
    rows = torch.from_numpy(rng.integers(len(X), size=16))
    return (model(X[rows]) - Y[rows]).square().mean()


def weights_of(model: nn.Module) -> list[np.ndarray[Any, Any]]:
    return [weights.detach().numpy() for weights in model.parameters()]


@pytest.mark.parametrize("options", [{}, {"ema": 0.0, "clip_norm": 0.1}, {"clip_norm": 0.0, "decay_from": 0.2}])
def test_each_start_comes_to_what_it_would_alone(options: dict[str, Any]) -> None:
    config = TrainingConfig(**{"steps": 30, "learning_rate": 0.05, "warmup": 3, "ema": 0.6, **options})
    together = [net(seed) for seed in range(3)]
    found = fit_starts(together, error, config=config, run=Run(device="cpu", seed=4))
    for seed, model in enumerate(together):
        alone = net(seed)
        done = fit(alone, error, config=config, run=Run(device="cpu", seed=4))
        np.testing.assert_allclose(found.losses[seed], done.losses, rtol=1e-3, atol=1e-5)
        for one, other in zip(weights_of(model), weights_of(alone), strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-4)
    assert found.best == int(np.argmin(found.losses[:, -3:].mean(axis=1)))


def test_a_figure_of_the_callers_own_chooses() -> None:
    models = [net(seed) for seed in range(4)]
    config = TrainingConfig(steps=3)

    def last_bias(model: nn.Module) -> float:
        return float(model[2].bias.detach())  # type: ignore[index,union-attr,operator]

    found = fit_starts(models, error, config=config, run=Run(device="cpu"), choose=last_bias)
    assert found.figures == tuple(map(last_bias, models))
    assert found.best == int(np.argmin(found.figures))


def test_a_start_that_diverges_is_not_chosen_and_does_not_touch_the_others() -> None:
    config = TrainingConfig(steps=6, learning_rate=0.05)
    healthy = [net(seed) for seed in (0, 1)]
    sick = [net(0), net(1)]
    with torch.no_grad():
        sick[0][2].bias.fill_(float("nan"))  # type: ignore[index,union-attr,operator]
    expected = fit_starts(healthy, error, config=config, run=Run(device="cpu"))
    found = fit_starts(sick, error, config=config, run=Run(device="cpu"))
    assert found.best == 1
    assert np.isinf(found.losses[0]).all()
    np.testing.assert_array_equal(found.losses[1], expected.losses[1])
    with pytest.raises(SepkitError, match="every start's loss became no number after 0 steps"):
        fit_starts(sick[:1], error, config=config, run=Run(device="cpu"))


def test_it_can_be_cancelled_and_shows_progress() -> None:
    events: list[tuple[str, int, int]] = []
    run = Run(device="cpu", reporter=lambda event: events.append((event.stage, event.done, event.total)))
    with run:
        fit_starts([net(0)], error, config=TrainingConfig(steps=3), run=run, stage="dream")
    assert events == [("dream", done, 3) for done in range(4)]
    with pytest.raises(Cancelled):
        fit_starts([net(0)], error, config=TrainingConfig(steps=9), run=cancelled_at(4))


def test_one_network_is_fitted_without_a_file(tmp_path: Path) -> None:
    with_file, _ = learn(tmp_path / "state")
    model = Line()
    config = TrainingConfig(steps=24, warmup=3, validate_every=4, save_every=3, ema=0.8, learning_rate=0.05)
    done = fit(model, loss, config=config, run=Run(device="cpu"), validate=validate)
    assert done == with_file
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
