"""The loss beside a plain formula, and its gradients beside differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sepkit_policy_unet.adamax import AdaMax, Weights
from sepkit_policy_unet.extraction import Extracted, extract, tone_spectra
from sepkit_policy_unet.objective import dictionary_objective, sample_losses
from sepkit_policy_unet.policy import Choice, Parameters
from sepkit_policy_unet.sizes import SIZES
from sepkit_policy_unet.unet import UNet

SMALL = SIZES["small"]


def extracted(seed: int, instruments: int = 2) -> Extracted:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    sounding = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)[..., :instruments]
    return Extracted(
        drawn(1, 1, 2, 6), drawn(1, 1, instruments, 2, 6), drawn(1, 1, instruments, 2, 6), sounding > 2, sounding
    )


def test_the_loss_is_that_of_the_paper() -> None:
    given = extracted(0)
    frame, model, direct = (
        part[0, 0].numpy()[..., 0, :] + 1j * part[0, 0].numpy()[..., 1, :]
        for part in (given.frame, given.model, given.direct)
    )

    def lift(x: np.ndarray) -> np.ndarray:
        return np.sqrt(np.abs(x) + 1e-7) - np.sqrt(1e-7)

    def rad(x: np.ndarray) -> np.ndarray:
        return lift(x) * np.exp(1j * np.angle(x))

    by_model = np.mean((lift(frame) - lift(model[0])) ** 2) * 0.9
    agreement = np.mean(np.abs(rad(direct) - rad(model)) ** 2)
    by_direct = np.mean(np.abs(rad(frame) - rad(direct.sum(axis=0))) ** 2)
    assert sample_losses(given).item() == pytest.approx(10 * by_model + agreement + 10 * by_direct, rel=1e-5)


def test_nothing_in_a_silent_frame_costs_nothing() -> None:
    silent = Extracted.nothing(torch.zeros(1, 1, 2, 8), 2)
    assert sample_losses(silent).item() < 1e-9


def parameters(place: float) -> Parameters:
    """A tone of the first instrument near a bin."""
    generator = torch.Generator().manual_seed(1)
    numbers = {
        name: torch.full((1, 1, 1), value, dtype=torch.float64)
        for name, value in {
            "fundamental": place,
            "amplitude": 0.6,
            "width": 1.0,
            "inharmonicity": 2e-4,
            "log_policy": 0.0,
            "log_proposal": 0.0,
            "log_gamma": 0.0,
        }.items()
    }
    return Parameters(
        instrument=torch.zeros(1, 1, 1, dtype=torch.long),
        on=torch.ones(1, 1, 1, dtype=torch.bool),
        direct=torch.randn(1, 1, 1, 2, SMALL.bins, generator=generator, dtype=torch.float64) * 0.1,
        **numbers,
    )


@pytest.mark.parametrize("name", ["fundamental", "amplitude", "width", "inharmonicity", "direct", "dictionary"])
def test_gradients_of_the_loss_are_those_of_differences(name: str) -> None:
    """Through tone, ridge regression, phases and lifting."""
    generator = torch.Generator().manual_seed(0)
    frame = torch.randn(1, 1, 2, SMALL.bins, generator=generator, dtype=torch.float64) * 0.1
    dictionary = torch.rand(1, 2, SMALL.harmonics, generator=generator, dtype=torch.float64)
    start, tone = Extracted.nothing(frame, 2), parameters(20.3)

    def loss(value: torch.Tensor) -> torch.Tensor:
        if name == "dictionary":
            return sample_losses(start.with_tones(SMALL, tone, value)).sum()
        return sample_losses(start.with_tones(SMALL, replace(tone, **{name: value}), dictionary)).sum()

    value = dictionary if name == "dictionary" else getattr(tone, name)
    (gradient,) = torch.autograd.grad(loss(value.requires_grad_()), value)
    direction = torch.randn(value.shape, generator=generator, dtype=torch.float64)
    step = 1e-6 * (float(value.detach().abs().max()) if value.numel() == 1 else 1.0)
    with torch.no_grad():
        difference = (loss(value + step * direction) - loss(value - step * direction)) / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(difference.item(), rel=1e-3, abs=1e-9)


def test_the_scale_of_the_dictionary_is_pinned() -> None:
    losses, weights = torch.zeros(1, 4), torch.full((1, 2, 2), 0.5)
    dictionary = torch.tensor([[[1.0, 0.5], [np.e, 0.1]]])
    assert dictionary_objective(losses, weights, dictionary).item() == pytest.approx(0.5)


def test_the_dictionary_follows_the_weighted_loss() -> None:
    dictionary = torch.tensor([[[1.0, 0.5]]])
    losses = torch.tensor([[1.0, 2.0, 3.0, 5.0]])
    weights = torch.tensor([[[1.0, 0.0], [0.25, 0.75]]])
    assert dictionary_objective(losses, weights, dictionary).item() == pytest.approx((1 + 4.5) / 2)


def test_tones_of_one_frame_are_put_together_and_those_that_are_off_left_out() -> None:
    """What a network chooses twice over is the sum of both instruments' spectra, and each has one tone at most."""
    network = UNet(SMALL, 2)
    network.draw([torch.Generator().manual_seed(0)])
    frame = torch.randn(1, 3, 2, SMALL.bins, generator=torch.Generator().manual_seed(1)) * 0.1
    dictionary = torch.ones(1, 2, SMALL.harmonics)

    def choose(policy: object, number: int) -> Choice:
        tries = 2
        place = torch.full((1, 3 * tries**number, tries), number * SMALL.bins + 30)
        on = torch.tensor([True, number == 0]).expand_as(place)
        return Choice(place, on, torch.zeros(place.shape))

    found, tones = extract(network, SMALL, frame, dictionary, choose, [1.0, 0.5])
    assert found.model.shape == (1, 12, 2, 2, SMALL.bins)
    assert found.used.all()
    torch.testing.assert_close(found.sounding[0, :, 0], torch.ones(12))
    torch.testing.assert_close(found.sounding[0, :, 1], torch.tensor([1.0, 0.0]).repeat(6))
    assert [tone.on.shape for tone in tones] == [(1, 3, 2), (1, 6, 2)]
    # Frames that come from one are in a row.
    torch.testing.assert_close(found.frame[0, :4], frame[0, :1].expand(4, -1, -1))
    model, direct = tone_spectra(
        SMALL,
        Parameters(
            *(
                getattr(tones[0], name)[..., :1] if name != "direct" else tones[0].direct[:, :, :1]
                for name in Parameters.__dataclass_fields__
            )
        ),
        dictionary,
    )
    torch.testing.assert_close(found.model[0, ::4, 0], model[0, :, 0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.direct[0, ::4, 0], direct[0, :, 0], atol=1e-5, rtol=1e-4)


class TestAdaMax:
    def test_it_is_that_of_torch(self) -> None:
        one = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
        other = one.detach().clone()
        theirs = torch.optim.Adamax([one], lr=0.1, betas=(0.9, 0.999))
        ours = AdaMax([Weights(other, 0.1)], 0.9)
        for step in range(20):
            gradient = torch.tensor([1.0, 0.1 * step, (-1.0) ** step])
            one.grad = gradient
            theirs.step()
            ours.step([gradient])
        torch.testing.assert_close(one.detach(), other, rtol=1e-4, atol=1e-6)

    def test_rows_keep_the_direction_of_their_gradient_whatever_its_size(self) -> None:
        values = torch.zeros(2, 3)
        optimizer = AdaMax([Weights(values, 0.1, by_row=True)], 0.9)
        gradient = torch.tensor([[1.0, 2.0, -4.0], [100.0, 200.0, -400.0]])
        optimizer.step([gradient])
        torch.testing.assert_close(values[0], -0.1 * gradient[0] / 4)
        torch.testing.assert_close(values[0], values[1])

    def test_weights_without_a_gradient_stay(self) -> None:
        values = torch.ones(2)
        AdaMax([Weights(values, 0.1)], 0.9).step([None])
        assert values.tolist() == [1, 1]
