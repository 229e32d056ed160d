"""The network: counts of weights, masks, one pass of the encoder, gradients."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sepkit.neural import Adam
from sepkit_interleaved.config import NetworkOptions
from sepkit_interleaved.network import Network, count, counts, draw
from sepkit_interleaved.sizes import Bands, Plan

PLANS = {
    "full": Plan.of(NetworkOptions(size="full"), 44100),
    "small": Plan.of(NetworkOptions(), 44100),
    "tiny": Plan.of(NetworkOptions(size="tiny", window_s=0.032), 8000),
}


def network(size: str = "tiny", targets: tuple[str, ...] = ("a", "b", "c")) -> Network:
    made = Network(PLANS[size], targets)
    draw(made, torch.Generator().manual_seed(0))
    return made


def heard(size: str = "tiny", batch: int = 2, frames: int = 9, seed: int = 0) -> torch.Tensor:
    plan = PLANS[size]
    shape = (batch, plan.size.channels, frames, len(plan.heard))
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


class TestSizes:
    def test_full_size_has_the_weights_of_open_unmix(self) -> None:
        made = network("full", ("a", "b", "c", "d"))
        assert count(made.encoder) == 6_257_566
        assert count(made.decoder("a")) == 2_635_782
        assert count(made) == 16_800_694
        assert counts(6_257_566, 2_635_782, 4) == {"shared": 16_800_694, "independent": 35_573_392}

    @pytest.mark.parametrize("size", ["full", "small"])
    @pytest.mark.parametrize("targets", [3, 4, 6])
    def test_a_shared_encoder_saves_much(self, size: str, targets: int) -> None:
        made = network(size, ("a",))
        numbers = counts(count(made.encoder), count(made.decoder("a")), targets)
        assert numbers["shared"] / numbers["independent"] < (0.6 if targets == 3 else 0.5)

    def test_what_is_counted_is_there(self) -> None:
        made = network()
        assert count(made) == counts(count(made.encoder), count(made.decoder("b")), 3)["shared"]


class TestMasks:
    @pytest.mark.parametrize("size", ["full", "small", "tiny"])
    @torch.no_grad()
    def test_they_lie_between_nothing_and_all(self, size: str) -> None:
        plan = PLANS[size]
        masks = network(size, ("a", "b")).eval()(100 * heard(size))
        assert list(masks) == ["a", "b"]
        for mask in masks.values():
            assert mask.shape == (2, plan.size.channels, 9, len(plan.masked))
            assert 0 <= float(mask.min()) <= float(mask.max()) <= 1

    def test_the_encoder_is_applied_once_for_all_of_them(self) -> None:
        made, calls = network(), []
        made.encoder.register_forward_hook(lambda *_: calls.append(1))
        assert list(made(heard())) == ["a", "b", "c"]
        assert len(calls) == 1
        assert list(made(heard(), ["c"])) == ["c"]
        assert len(calls) == 2

    @torch.no_grad()
    def test_convolutions_hear_no_further_than_their_context(self) -> None:
        encoder = network("small", ("a",)).eval().encoder
        frames = 2 * encoder.context_frames + 5
        one = heard("small", 1, frames)
        other = one.clone()
        other[:, :, 0] += 10
        changed = (encoder(one) - encoder(other)).abs().amax(dim=(0, 2)) > 0
        assert changed[encoder.context_frames]
        assert not changed[encoder.context_frames + 1 :].any()


class TestSteps:
    """B1 to B3: who moves when a task takes a step."""

    def test_the_other_decoders_stay_as_they_are(self) -> None:
        made = network()
        optimizer = Adam(made.parameters(), 1e-2)
        # All have moved before, so that Adam has something to remember.
        for target in ("a", "b", "c", "a", "b"):
            before = {name: value.clone() for name, value in made.state_dict().items()}
            optimizer.zero_grad()
            made(heard(), [target])[target].square().mean().backward()
            optimizer.step()
            moved = {name for name, value in made.state_dict().items() if not torch.equal(value, before[name])}
            own = f"decoders.{made.targets.index(target)}."
            assert any(name.startswith(own) for name in moved)
            assert all(name.startswith((own, "encoder.")) for name in moved)
            weights = {name for name, _ in made.encoder.named_parameters()}
            assert {f"encoder.{name}" for name in weights} <= moved

    def test_gradients_of_a_round_add_up(self) -> None:
        made = network()

        def loss(target: str, seed: int) -> torch.Tensor:
            return (made(heard(seed=seed), [target])[target] - 0.3).square().mean()

        each = []
        for row, target in enumerate(made.targets):
            made.zero_grad()
            loss(target, row).backward()
            each.append([weights.grad.clone() for weights in made.encoder.parameters() if weights.grad is not None])
        made.zero_grad()
        torch.stack([loss(target, row) for row, target in enumerate(made.targets)]).sum().backward()
        together = [weights.grad for weights in made.encoder.parameters() if weights.grad is not None]
        for whole, *parts in zip(together, *each, strict=True):
            assert torch.allclose(whole, torch.stack(parts).sum(dim=0), rtol=1e-5, atol=1e-8)


class TestBands:
    @given(st.integers(2, 3000), st.floats(0, 1))
    def test_they_cover_every_bin_once(self, bins: int, octaves: float) -> None:
        bands = Bands.of(bins, octaves)
        assert bands.edges[0] == 0
        assert bands.edges[-1] == bins
        assert all(low < high for low, high in pairwise(bands.edges))
        assert len(bands.of_bins) == bins

    @given(st.integers(2, 300), st.floats(0, 1))
    def test_means_are_means(self, bins: int, octaves: float) -> None:
        bands = Bands.of(bins, octaves)
        values = np.random.default_rng(0).uniform(0, 1, (2, bins))
        means = [values[:, bands.of_bins == band].mean(axis=1) for band in range(len(bands))]
        assert np.allclose(bands.mean(values), np.stack(means, axis=1))
