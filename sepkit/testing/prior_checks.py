"""Checks of priors: that gradients are the gradients of what they claim."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.problem.prior import GradientSplit, Initial, Sampler
from sepkit.testing.check import check, is_prior
from sepkit.testing.outcome import Skipped, require
from sepkit.testing.statement_checks import bound
from sepkit.testing.statement_subject import StatementSubject

_STEPS = (1e-5, 1e-4, 1e-3, 1e-2)
"""Of finite differences: densities that compute in float32 need longer ones."""
_DIRECTIONS = 6
_TOLERANCE = 1e-2


@check(when=is_prior)
def gradient_is_the_slope(subject: StatementSubject) -> None:
    """`gradient` is the slope of `log_prob`, by finite differences."""
    for domain, density, value in bound(subject):
        if not callable(getattr(density, "log_prob", None)):
            raise Skipped("it has no log_prob: it knows the gradient alone")
        gradient = np.asarray(density.gradient(value), np.float64)
        shape = gradient.shape
        require(shape == value.shape, f"gradient on {domain} has shape {shape} for a value of {value.shape}")
        rng = np.random.default_rng(5)
        size = float(np.linalg.norm(gradient)) / np.sqrt(value.size)
        for _ in range(_DIRECTIONS):
            direction = rng.standard_normal(value.shape)
            slope = float(np.vdot(gradient, direction))
            slopes = [_slope(density, value, direction, step) for step in _STEPS]
            nearest = min(slopes, key=lambda found: abs(found - slope))
            scale = max(abs(nearest), size * float(np.linalg.norm(direction)), 1e-12)
            require(
                abs(nearest - slope) <= _TOLERANCE * scale,
                f"gradient on {domain} says a slope of {slope:.4g} where log_prob has {nearest:.4g}; derive it again",
            )


@check(when=is_prior)
def split_is_the_gradient(subject: StatementSubject) -> None:
    """Where there is a `split_gradient`, its parts are nonnegative and the gradient is minus less plus."""
    tried = False
    for domain, density, value in bound(subject):
        gradient = np.asarray(density.gradient(value))
        if not domain.nonnegative or not isinstance(density, GradientSplit):
            continue
        tried = True
        plus, minus = (np.asarray(part) for part in density.split_gradient(value))
        require(
            (plus >= 0).all() and (minus >= 0).all(), f"split_gradient on {domain} has negative parts; move them across"
        )
        scale = float(np.max(np.abs(plus) + np.abs(minus), initial=1e-12))
        require(
            np.allclose(minus - plus, gradient, rtol=1e-5, atol=1e-6 * scale),
            f"split_gradient on {domain} does not make up gradient; give (plus, minus) with gradient = minus - plus",
        )
    if not tried:
        raise Skipped("it has no split_gradient on a nonnegative variable")


@check(when=is_prior)
def draws_fit_the_axes(subject: StatementSubject) -> None:
    """Where there are `initial` and `sample`, they have the variable's shape and depend on the generator alone."""
    tried = False
    layout = subject.layout()
    for domain, density, value in bound(subject):
        wanted: dict[str, tuple[Any, tuple[int, ...]]] = {}
        if isinstance(density, Initial):
            wanted["initial"] = density.initial, value.shape
        if isinstance(density, Sampler):
            sample = density.sample
            wanted["sample"] = (lambda rng, sample=sample: sample((2,), rng)), (2, *layout.shape(domain))
        for name, (draw, shape) in wanted.items():
            tried = True
            first, again = (np.asarray(draw(np.random.default_rng(3))) for _ in range(2))
            require(first.shape == shape, f"{name} on {domain} has shape {first.shape}; give {shape}")
            require(np.isfinite(first).all(), f"{name} on {domain} draws NaN or infinity")
            require(np.array_equal(first, again), f"{name} on {domain} ignores the generator it is given; draw from it")
    if not tried:
        raise Skipped("it draws nothing")


def _slope(density: Any, value: NDArray[Any], direction: NDArray[Any], step: float) -> float:
    size = step * float(np.abs(value).mean())
    above, below = (float(density.log_prob(value + sign * size * direction)) for sign in (1, -1))
    return (above - below) / (2 * size)
