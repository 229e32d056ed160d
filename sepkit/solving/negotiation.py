"""Negotiation: does this method fit this problem, and on which of its variables is each statement hosted?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from sepkit.config import Config
from sepkit.errors import MismatchError, PluginError
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.constraint import Constraint
from sepkit.problem.domain import Domain
from sepkit.problem.needs import in_words, kinds, remedy, unmet
from sepkit.problem.prior import Prior
from sepkit.problem.statement import Hosted, Statement
from sepkit.solving.defaults import default_constraints, default_priors

S = TypeVar("S", bound=Statement)

_ORDINARY_DEVICES = ("auto", "cpu")
_KINDS_IN_WORDS = {
    "score": "score",
    "f0": "F0",
    "examples": "set of examples",
    "references": "set of true stems",
    "labels": "labels",
}


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the caller asks for, apart from the samples.

    Attributes
    ----------
    sources : tuple of str
        The names asked for; empty when the method is to name what it finds.
    given : frozenset of str
        What the caller gives, in the words of needs: weights that ship with a method are not given.
    priors, constraints : tuple
    device : str
    """

    given: frozenset[str]
    priors: tuple[Prior, ...]
    constraints: tuple[Constraint, ...]
    device: str
    sources: tuple[str, ...] = ()


def negotiate(
    spec: SeparatorSpec, config: Config, task: Task, registry: Registry
) -> tuple[tuple[Hosted[Prior], ...], tuple[Hosted[Constraint], ...]]:
    """Choose for every statement the method's most preferred variable that it can speak of.

    What the method assumes comes before what the caller declares. Constraints that no variable of the method's own
    takes, but that speak of waveforms, are hosted by sepkit.

    Raises
    ------
    MismatchError
        With every mismatch, and the installed methods that could do it.
    """
    reasons = mismatches(spec, task)
    if reasons:
        others = (
            other
            for other in registry.separators.values()
            if other.name != spec.name and "yardstick" not in other.traits
        )
        # Weights are for one method: the others go without.
        elsewhere = replace(task, given=task.given - {"weights"})
        able = tuple(other.name for other in others if not mismatches(other, elsewhere))
        raise MismatchError(spec.name, reasons, able)
    return hosted(spec, config, task, registry)


def hosted(
    spec: SeparatorSpec, config: Config, task: Task, registry: Registry
) -> tuple[tuple[Hosted[Prior], ...], tuple[Hosted[Constraint], ...]]:
    """What the method assumes and what the caller declares, each on the most preferred variable that takes it."""
    assumed_priors = default_priors(spec, config, registry, task.priors, task.given)
    assumed_constraints = default_constraints(spec, config, registry, task.constraints, task.given)
    return (
        _hosted(assumed_priors, task.priors, spec.priors),
        _hosted(assumed_constraints, task.constraints, (*spec.constraints, Domain.WAVEFORMS)),
    )


def mismatches(spec: SeparatorSpec, task: Task) -> tuple[str, ...]:
    """Every reason why the method cannot take this task."""
    there = task.given | ({"weights"} if spec.default_weights is not None else frozenset())
    reasons = [f"it needs {in_words(need)}: {remedy(need)}" for need in unmet(spec.needs, there)]
    strange = [name for name in task.sources if spec.sources and name not in spec.sources]
    if strange:
        reasons.append(f"it separates into {', '.join(spec.sources)} and not into {', '.join(strange)}")
    if "weights" in task.given and not takes_weights(spec):
        reasons.append("it has no weights to load: leave weights=... or --weights out")
    if task.device not in _ORDINARY_DEVICES and "accelerated" not in spec.traits:
        reasons.append(f"it runs on the CPU and cannot use device '{task.device}'")
    reasons += _unhosted("prior", task.priors, spec.priors, task.given)
    reasons += _unhosted("constraint", task.constraints, (*spec.constraints, Domain.WAVEFORMS), task.given)
    return tuple(reasons)


def used(spec: SeparatorSpec, statements: Iterable[Hosted[Statement]]) -> frozenset[str]:
    """The kinds of side information that the method or one of the statements makes use of."""
    return spec.side_information.union(*(kinds(hosted.statement.needs) for hosted in statements))


def told_unused(kinds_unused: Iterable[str], why: str) -> Iterator[str]:
    """What was given and nobody makes use of, in words for the user."""
    for kind in sorted(kinds_unused):
        yield f"{_made_no_difference(kind)}: {why}"


def tells_unused(remark: str, kind: str) -> bool:
    """Whether a remark is one of those that side information of this kind was of no use."""
    return remark.startswith(_made_no_difference(kind))


def _made_no_difference(kind: str) -> str:
    return f"the {_KINDS_IN_WORDS[kind]} made no difference"


def takes_weights(spec: SeparatorSpec) -> bool:
    """Whether the method can be given weights."""
    return "weights" in spec.needs or bool(spec.weights or spec.trainer) or "trainable" in spec.traits


def _unhosted(
    kind: str, statements: Iterable[Statement], hosted: tuple[Domain, ...], given: frozenset[str]
) -> list[str]:
    reasons = []
    for statement in statements:
        if not statement.domains & set(hosted):
            about = " or ".join(sorted(map(str, statement.domains)))
            where = ", ".join(map(str, hosted)) or "nothing"
            reasons.append(f"{kind} '{statement.name}' speaks of {about}, and it hosts {kind}s on {where}")
        reasons += [
            f"{kind} '{statement.name}' needs {in_words(need)}: {remedy(need)}"
            for need in unmet(sorted(statement.needs), given)
        ]
    return reasons


def _hosted(assumed: tuple[S, ...], declared: tuple[S, ...], preferred: tuple[Domain, ...]) -> tuple[Hosted[S], ...]:
    seen: Counter[str] = Counter()
    hosted = []
    for index, statement in enumerate((*assumed, *declared)):
        seen[statement.name] += 1
        label = statement.name if seen[statement.name] == 1 else f"{statement.name}-{seen[statement.name]}"
        domain = next((domain for domain in preferred if domain in statement.domains), None)
        if domain is None:
            raise PluginError(f"it assumes '{statement.name}', which speaks of nothing that it hosts")
        hosted.append(Hosted(statement, domain, label, default=index < len(assumed)))
    return tuple(hosted)
