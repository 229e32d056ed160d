"""B8 and B9: what a shared encoder is worth on three kinds of sounds, each with a database of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sepkit
from plugins.interleaved.tests import toys
from sepkit.evaluation import evaluate

ROUNDS = 60
LEARNING = {
    "decoder_steps": 0,
    "batch": 2,
    "excerpt_s": 0.5,
    "warmup": 10,
    "learning_rate": 1e-2,
    "ema": 0.95,
    "validate_every": 40,
    "loss": "phase",
}


def sdr_db(folder: Path) -> dict[str, float]:
    """What is gained over the mixture, by kind, in the mean over mixtures that are in no database."""
    found: dict[str, list[float]] = {kind: [] for kind in toys.KINDS}
    for seed in range(20, 26):
        mixture = toys.mixed(toys.KINDS, seed)
        stems = {kind: toys.mixed([kind], seed) for kind in toys.KINDS}
        separation = sepkit.separate(mixture, "interleaved", weights=folder, device="cpu")
        above = evaluate(separation, stems, metrics=["sdr"]).values["SDR"]
        below = evaluate(dict.fromkeys(toys.KINDS, mixture), stems, metrics=["sdr"]).values["SDR"]
        for kind in toys.KINDS:
            found[kind].append(above[kind] - below[kind])
    return {kind: float(np.mean(values)) for kind, values in found.items()}


@pytest.mark.slow
def test_one_encoder_does_as_well_as_three_in_any_order(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    gains_db = {}
    options: dict[str, dict[str, Any]] = {
        "shuffled": {"steps": 3 * ROUNDS},
        "cyclic": {"steps": 3 * ROUNDS, "order": "cyclic"},
        "independent": {"steps": ROUNDS, "mode": "independent"},
    }
    for name, own in options.items():
        toys.train(tmp_path / name, toys.data(count=20), **{**LEARNING, **own})
        gains_db[name] = sdr_db(tmp_path / name)
    for kind in toys.KINDS:
        assert gains_db["shuffled"][kind] > 10
        assert gains_db["shuffled"][kind] > gains_db["independent"][kind] - 1
        assert abs(gains_db["shuffled"][kind] - gains_db["cyclic"][kind]) < 1
