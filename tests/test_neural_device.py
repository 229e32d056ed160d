"""Devices and generators of torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sepkit import Run
from sepkit.errors import ConfigError
from sepkit.neural import choose_device, generator

OTHERS = ["cuda", "mps", "xpu", "meta", "hip", "xla", "mtia", "privateuseone", "hpu"]


def test_auto_is_cuda_where_there_is_any(monkeypatch: pytest.MonkeyPatch) -> None:
    for seen, expected in ((0, "cpu"), (1, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda seen=seen: bool(seen))
        monkeypatch.setattr(torch.cuda, "device_count", lambda seen=seen: seen)
        run = Run()
        assert choose_device(run) == torch.device(expected)
        assert run.device == expected


def test_cpu_is_always_there() -> None:
    run = Run(device="cpu")
    assert choose_device(run) == torch.device("cpu")
    assert run.device == "cpu"


@pytest.mark.parametrize("device", ["cuda:2", "cuda:99"])
def test_one_that_is_not_among_those_seen_is_refused(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    run = Run(device=device)
    with pytest.raises(ConfigError, match=f"torch sees 2 devices of type cuda, asked for '{device}'; give auto or cpu"):
        choose_device(run)
    assert run.device == device


@pytest.mark.parametrize("device", OTHERS)
def test_one_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    for kind in ("cuda", "mps", "xpu"):
        monkeypatch.setattr(getattr(torch, kind), "device_count", lambda: 0)
    with pytest.raises(ConfigError, match=f"torch (sees 0 devices of type|knows no device).*'{device}'"):
        choose_device(Run(device=device))


@pytest.mark.parametrize(
    "device", ["", "gpu", "cuda:", "cuda:one", "cuda:-1", "CPU", "cuda cuda", "cuda:99999999999999"]
)
def test_one_that_torch_does_not_know_is_refused_in_one_line(device: str) -> None:
    with pytest.raises(ConfigError, match=r"torch (knows no device|sees)") as error:
        choose_device(Run(device=device))
    assert "\n" not in str(error.value)


class TestGenerator:
    def test_is_seeded_by_one_draw(self) -> None:
        first, again, other = (generator(np.random.default_rng(seed)) for seed in (1, 1, 2))
        drawn = [torch.rand(4, generator=one).tolist() for one in (first, again, other)]
        assert drawn[0] == drawn[1] != drawn[2]
        used, fresh = np.random.default_rng(1), np.random.default_rng(1)
        generator(used)
        fresh.integers(2**63)
        assert used.integers(1000) == fresh.integers(1000)

    def test_leaves_torchs_own_alone(self) -> None:
        before = torch.get_rng_state()
        torch.rand(3, generator=generator(np.random.default_rng(0)))
        assert torch.equal(torch.get_rng_state(), before)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here")
    def test_lives_on_its_device(self) -> None:
        assert generator(np.random.default_rng(0), "cuda").device.type == "cuda"
