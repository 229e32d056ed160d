"""The network: its sizes, and that starts share nothing."""

from __future__ import annotations

import pytest
import torch

from sepkit_policy_unet.sizes import SIZES
from sepkit_policy_unet.unet import UNet


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize(("size", "count"), [("paper", 11_689_040), ("small", 161_256)])
def test_the_layers_have_as_many_weights_as_were_counted_for_two_instruments(size: str, count: int) -> None:
    network = UNet(SIZES[size], 2)
    layers = [weights for name, weights in network.named_parameters() if name != "log_scales"]
    assert sum(weights.numel() for weights in layers) == count
    # And one scale for each of the nine outputs of each instrument.
    assert network.log_scales.numel() == 18


@pytest.mark.parametrize("instruments", [1, 2, 3])
def test_outputs_have_a_place_for_every_bin(instruments: int) -> None:
    size = SIZES["small"]
    network = UNet(size, instruments)
    network.draw(generators(0))
    outputs = network(torch.zeros(1, 3, 6 + 4 * instruments, size.bins))
    assert outputs.shape == (1, 3, instruments, 9, size.bins)


def test_the_scales_are_those_of_the_size_at_first() -> None:
    size = SIZES["paper"]
    torch.testing.assert_close(UNet(size, 2).log_scales.exp()[0, 1], torch.tensor(size.scales))


def test_starts_share_nothing() -> None:
    """Each gives what it would give alone, and its gradient is its own."""
    size = SIZES["small"]
    together, alone = UNet(size, 2, starts=2), UNet(size, 2)
    together.draw(generators(5, 7))
    alone.draw(generators(7))
    x = torch.randn(2, 3, 14, size.bins, generator=torch.Generator().manual_seed(0))
    outputs = together(x)
    torch.testing.assert_close(outputs[1], alone(x[1:])[0], rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(outputs[0].sum(), together.down[0].weight)
    first, second = gradient.chunk(2)
    assert first.abs().max() > 0
    assert second.abs().max() == 0
