"""The method keeps the promises that every plugin makes, whatever its engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sepkit.neural import Checkpoint
from sepkit.testing import parametrize_with_checks
from sepkit.testing.runner import bind_checks
from sepkit_source_filter.network import SourceFilterNetwork

QUICK = {"window_s": 0.03, "f0_rounds": 2, "envelopes": 3}
NOT_WITH_A_NETWORK = {"hosted-priors-are-used": "a network weighs no priors on spectrograms, which are refused"}


@parametrize_with_checks("source-filter")
def test_conformance(check: Any) -> None:
    check()


@pytest.mark.slow
@pytest.mark.parametrize("trained", [True, False], ids=["trained", "fitted"])
def test_with_a_network_it_keeps_them_too(tmp_path: Path, trained: bool) -> None:
    network = SourceFilterNetwork("small", 20)
    network.draw(torch.Generator().manual_seed(0))
    Checkpoint("source-filter", {}, ("voice",), 16000, network.state_dict()).write(tmp_path)
    given: dict[str, Any] = {"weights": tmp_path, "config": QUICK}
    if not trained:
        given = {"config": {**QUICK, "engine": "network", "network_steps": 2, "order": 10}}
    checks = bind_checks("source-filter", expected_failures=NOT_WITH_A_NETWORK, **given)
    # What grows is the same for both engines, and a network takes long for minutes of sound.
    outcomes = [check.run() for check in checks if check.name != "memory-does-not-grow-with-the-mixture"]
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
