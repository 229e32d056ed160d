"""Policy gradients beside exact ones, on problems small enough to enumerate."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from sepkit_policy_unet.objective import advantages, importance, network_objective
from sepkit_policy_unet.policy import Choice, Parameters, Policy
from sepkit_policy_unet.sizes import OUTPUTS, SIZES

SMALL = SIZES["small"]


def parameters(**given: Any) -> Parameters:
    """Of tones of which nothing counts but their probabilities."""
    shape = given["log_proposal"].shape
    rest = {name: torch.zeros(shape) for name in Parameters.__dataclass_fields__ if name not in given}
    return Parameters(**{**rest, **given})


def outputs(seed: int, frames: int = 1, instruments: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, frames, instruments, len(OUTPUTS), SMALL.bins, generator=generator)


def policy(seed: int = 0, frames: int = 1, **used: torch.Tensor) -> Policy:
    return Policy(SMALL, outputs(seed, frames), used.get("used", torch.zeros(1, frames, 2, dtype=torch.bool)))


class TestBaseline:
    """Eight actions with losses from 5 to 8, as in the specification; many repeats in one go."""

    REPEATS = 20_000

    @pytest.mark.parametrize("tries", [3, 9])
    def test_the_gradient_is_that_of_the_expected_loss(self, tries: int) -> None:
        generator = torch.Generator().manual_seed(tries)
        losses = 5 + 3 * torch.rand(8, generator=generator)
        logits = torch.randn(8, generator=generator, requires_grad=True)
        (exact,) = torch.autograd.grad((torch.softmax(logits, 0) * losses).sum(), logits)
        drawn = torch.multinomial(
            torch.softmax(logits.detach(), 0).expand(self.REPEATS, -1), tries, replacement=True, generator=generator
        )
        # Single gradients, so that their spread is known: d log p / d logits is one-hot less p.
        slopes = torch.nn.functional.one_hot(drawn, 8) - torch.softmax(logits.detach(), 0)
        single = (slopes * advantages(losses[drawn])[..., None]).mean(dim=1)
        z = (single.mean(dim=0) - exact) / (single.std(dim=0) / self.REPEATS**0.5)
        # Of eight normal numbers one beyond 4 has a chance of 1 in 2000; the seed is fixed.
        assert z.abs().max() < 4
        relative = (single.mean(dim=0) - exact).norm() / exact.norm()
        assert relative < 0.03
        # With a mean that includes the sample itself, gradients would be smaller by exactly this factor.
        included = losses[drawn] - losses[drawn].mean(dim=1, keepdim=True)
        torch.testing.assert_close(advantages(losses[drawn]) * (tries - 1) / tries, included)

    def test_the_objective_has_this_gradient(self) -> None:
        """What is differentiated is a tenth of it beside the mean loss, for one tone or several."""
        losses = torch.tensor([[1.0, 2.0, 4.0, 9.0]])
        first = torch.zeros(1, 1, 2, requires_grad=True)
        second = torch.zeros(1, 2, 2, requires_grad=True)
        tones = [parameters(log_proposal=first), parameters(log_proposal=second)]
        objective = network_objective(losses, tones)
        assert objective.item() == pytest.approx(4)
        objective.sum().backward()
        # First tones by the means of what follows, 1.5 and 6.5; second ones against the other with the same first.
        torch.testing.assert_close(first.grad, 0.1 * torch.tensor([[[-5.0, 5.0]]]) / 2)
        torch.testing.assert_close(second.grad, 0.1 * torch.tensor([[[-1.0, 1.0], [-5.0, 5.0]]]) / 4)

    def test_two_tones_that_share_a_start_have_the_exact_gradient_too(self) -> None:
        """The gradient of a policy for two tones, enumerated over all that can be drawn."""
        generator = torch.Generator().manual_seed(4)
        losses = torch.rand(3, 3, generator=generator)
        one, two = (torch.randn(shape, generator=generator).requires_grad_() for shape in ((3,), (3, 3)))
        p, q = torch.softmax(one, 0), torch.softmax(two, 1)
        exact = torch.autograd.grad((p[:, None] * q * losses).sum(), (one, two), retain_graph=True)
        surrogate = torch.zeros(())
        for a, b in itertools.product(range(3), repeat=2):
            for c, d, e, f in itertools.product(range(3), repeat=4):
                drawn = losses[[a, a, b, b], [c, d, e, f]][None]
                tones = [
                    parameters(log_proposal=p.log()[[a, b]][None, None]),
                    parameters(log_proposal=torch.stack([q.log()[a, [c, d]], q.log()[b, [e, f]]])[None]),
                ]
                chance = (p[a] * p[b] * q[a, c] * q[a, d] * q[b, e] * q[b, f]).detach()
                surrogate = surrogate + chance * 10 * (network_objective(drawn, tones).sum() - drawn.mean())
        for found, wanted in zip(torch.autograd.grad(surrogate, (one, two)), exact, strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


class TestInharmonicity:
    def test_its_gradient_is_that_of_the_expected_value(self) -> None:
        """E (b - 1)^2 with b of Gamma(3, rate 2): 0.75 by the shape, and -1.5 by the rate."""
        count = 200_000
        # Beyond what the small size allows: its bounds are those of tones that there can be.
        size = replace(SMALL, extreme=30.0)
        shape = torch.tensor(np.log(3.0), requires_grad=True)
        rate = torch.tensor(np.log(2.0) - size.rate_bias, requires_grad=True)
        columns = [torch.zeros(size.bins)] * len(OUTPUTS)
        columns[OUTPUTS.index("gamma_shape")] = shape.expand(size.bins)
        columns[OUTPUTS.index("gamma_rate")] = rate.expand(size.bins)
        p = Policy(size, torch.stack(columns)[None, None, None], torch.zeros(1, 1, 1, dtype=torch.bool))
        place = torch.zeros(1, 1, count, dtype=torch.long)
        gamma = torch.as_tensor(np.random.default_rng(0).standard_gamma(3.0, (1, 1, count)), dtype=torch.float32)
        b, log_density = p.inharmonicity(Choice(place, place > 0, gamma))
        losses = (b - 1).square()
        surrogate = (losses + log_density * advantages(losses.detach())).mean()
        by_shape, by_rate = torch.autograd.grad(surrogate, (shape, rate))
        # By their logarithms; five standard deviations of the mean of so many are 2 % and less.
        assert by_shape.item() == pytest.approx(3 * 0.75, rel=0.03)
        assert by_rate.item() == pytest.approx(2 * -1.5, rel=0.03)


class TestProposal:
    def test_without_temperature_the_weights_are_equal(self) -> None:
        p = policy(frames=3)
        choice = p.draw([1.0, 1.0], [np.random.default_rng(0)])
        tones = p.parameters(choice, [1.0, 1.0])
        torch.testing.assert_close(tones.log_policy, tones.log_proposal)
        second = parameters(log_policy=torch.zeros(1, 6, 2), log_proposal=torch.zeros(1, 6, 2))
        torch.testing.assert_close(importance([tones, second]), torch.full((1, 3, 4), 0.25))

    def test_weights_make_the_proposal_the_policy(self) -> None:
        """The mean of weighted losses under the proposal is that of losses under the policy, by enumeration."""
        logits, losses = torch.tensor([2.0, 0.5, -1.0, 0.0]), torch.tensor([1.0, 3.0, 2.0, 7.0])
        log_p, log_q = torch.log_softmax(logits, 0), torch.log_softmax(0.3 * logits, 0)
        wanted = (log_p.exp() * losses).sum()
        torch.testing.assert_close((log_q.exp() * (log_p - log_q).exp() * losses).sum(), wanted)
        # Normalised by themselves they come near with many samples.
        drawn = torch.multinomial(log_q.exp(), 20_000, replacement=True, generator=torch.Generator().manual_seed(0))
        tone = parameters(log_policy=log_p[drawn][None, None], log_proposal=log_q[drawn][None, None])
        weights = importance([tone])
        assert weights.sum().item() == pytest.approx(1, abs=1e-4)
        assert (weights[0, 0] * losses[drawn]).sum().item() == pytest.approx(wanted.item(), rel=0.03)

    def test_samples_have_the_weights_of_all_their_tones(self) -> None:
        first = parameters(log_policy=torch.tensor([[[0.0, 1.0]]]), log_proposal=torch.zeros(1, 1, 2))
        second = parameters(log_policy=torch.tensor([[[0.0, 2.0], [0.0, 3.0]]]), log_proposal=torch.zeros(1, 2, 2))
        wanted = torch.softmax(torch.tensor([0.0, 2.0, 1.0, 4.0]), 0)
        torch.testing.assert_close(importance([first, second])[0, 0], wanted)


class TestDraws:
    def test_tones_are_drawn_as_often_as_they_are_likely(self) -> None:
        p = policy(frames=1)
        p.logits = p.logits.expand(1, 4000, -1)
        p._columns = {name: column.expand(1, 4000, -1) for name, column in p._columns.items()}
        place = p.draw([1.0, 0.0], [np.random.default_rng(1)]).place
        chances = torch.softmax(p.logits[0, 0], 0)
        # In eight groups of places, that are large enough to count.
        group = torch.arange(len(chances)) % 8
        for column, chance in ((0, chances), (1, torch.full_like(chances, 1 / len(chances)))):
            counts = torch.bincount(group[place[0, :, column]], minlength=8)
            wanted = torch.zeros(8).index_add_(0, group, chance) * 4000
            assert ((counts - wanted) ** 2 / wanted).sum() < 24.3  # chi-squared with 7 degrees, 1 in 1000

    def test_an_instrument_that_was_used_is_not_drawn_again(self) -> None:
        p = policy(frames=50, used=torch.tensor([True, False]).expand(1, 50, 2))
        place = p.draw([1.0, 0.01], [np.random.default_rng(0)]).place
        assert (place >= SMALL.bins).all()
        assert (p.likeliest().place >= SMALL.bins).all()

    def test_what_is_drawn_depends_on_the_generator_alone(self) -> None:
        one, other = (policy().draw([1.0, 0.3], [np.random.default_rng(3)]) for _ in range(2))
        assert torch.equal(one.place, other.place)
        assert torch.equal(one.gamma, other.gamma)
