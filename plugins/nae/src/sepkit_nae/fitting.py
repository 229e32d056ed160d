"""Lowering the cost of one recording, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from torch import Tensor

from sepkit_nae.config import NAEConfig
from sepkit_nae.gradient import GradientSteps
from sepkit_nae.multiplicative import MultiplicativeUpdates
from sepkit_nae.objective import Objective
from sepkit_nmf.factorization import has_converged

# Iterations from one look at the cost to the next, and the span over which its decrease is judged.
CHECK_INTERVAL = 10


class Rule(Protocol):
    """A way of changing the weights."""

    noise: float
    """What is added to data and output in the cost that it lowers."""

    @property
    def H(self) -> Tensor:
        """The current activations [shape=(atoms, frames)]."""
        ...

    def iterate(self) -> None:
        """Change all weights once."""


def chosen_rule(config: NAEConfig, objective: Objective) -> Rule:
    """The rule that `config` names."""
    if config.rule == "multiplicative":
        return MultiplicativeUpdates(objective)
    return GradientSteps(objective, config.learning_rate, nonnegative=config.rule == "projected")


def fit(
    objective: Objective, config: NAEConfig, steps: Callable[[int], Iterable[object]] = range
) -> tuple[Tensor, list[float]]:
    """Fit the objective's model to its spectrogram.

    Parameters
    ----------
    objective : Objective
        Its model is changed.
    config : NAEConfig
        Rule, iterations, tolerance and learning rate.
    steps : callable
        From a number of iterations to an iterable of that length, to show progress or to cancel by raising.

    Returns
    -------
    H : Tensor [shape=(atoms, frames)]
        The activations in the end.
    costs : list of float
        The cost at the start, every tenth iteration, and the end.
    """
    rule = chosen_rule(config, objective)
    costs = [objective.cost(rule.H, rule.noise)]
    # What Adam does not lower over some iterations it may still lower after them.
    tolerance = config.tolerance if config.rule == "multiplicative" else 0
    done = checked = 0
    for _ in steps(config.iterations):
        rule.iterate()
        done += 1
        if done % CHECK_INTERVAL == 0:
            costs.append(objective.cost(rule.H, rule.noise))
            checked = done
            if has_converged(costs, tolerance):
                break
    if checked < done:
        costs.append(objective.cost(rule.H, rule.noise))
    return rule.H, costs
