"""The choice among trained networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from sepkit import Run
from sepkit_policy_unet import choice
from sepkit_policy_unet.choice import log_likelihood
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.sizes import sized
from sepkit_sparse_pursuit.tones import Tones

HIGH, LOW = 200.0, 120.0
Judge = Callable[..., float]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """The log-likelihood of networks that find given tones, with given losses, in 128 frames."""
    size = sized("small", 8)
    frames = Frames.of(size, np.random.default_rng(0).normal(0, 0.1, 128 * size.hop).astype(np.float32), Run())
    count = len(frames.heard)

    def judge(of_high: Any, loss: float = 0.01) -> float:
        """Two lines of one pitch each; which instrument has the higher one, frame by frame."""
        instrument = np.broadcast_to(of_high, (count,))
        tones = Tones(
            np.ones((count, 2)),
            np.tile([HIGH, LOW], (count, 1)),
            np.ones((count, 2)),
            np.zeros((count, 2)),
            np.stack([instrument, 1 - instrument], axis=1).astype(np.intp),
        )
        where = iter(np.split(np.arange(count), range(choice.AT_ONCE, count, choice.AT_ONCE)))
        monkeypatch.setattr(choice, "likeliest", lambda model, frame: (frame, None))
        monkeypatch.setattr(choice, "sample_losses", lambda frame: torch.full((1, len(frame)), loss))
        monkeypatch.setattr(choice, "as_tones", lambda model, chosen, scale: tones[next(where)])
        return log_likelihood(Model(size, 2), frames)

    judge.count = count  # type: ignore[attr-defined]
    return judge


def test_lines_that_stay_with_their_instruments_are_likelier_than_those_that_change(judged: Judge) -> None:
    """The loss is the same: it cannot tell."""
    changing = np.arange(judged.count) // 8 % 2  # type: ignore[attr-defined]
    assert judged(0) > judged(changing) + 20
    assert judged(0) == pytest.approx(judged(1))


def test_of_the_same_lines_those_that_explain_more_are_likelier(judged: Judge) -> None:
    assert judged(0, loss=0.005) > judged(0, loss=0.01)


def test_networks_whose_losses_are_no_numbers_are_never_used(judged: Judge) -> None:
    assert judged(0, loss=np.nan) == -np.inf
