"""Negotiation: does this method fit this problem, and on which of its variables is each statement hosted?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from sepkit.errors import MismatchError
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.constraint import Constraint
from sepkit.problem.domain import Domain
from sepkit.problem.prior import Prior
from sepkit.problem.statement import Hosted, Statement

S = TypeVar("S", bound=Statement)

_ORDINARY_DEVICES = ("auto", "cpu")
_HOW_TO_GIVE = {
    "score": "give one with score=... or --score",
    "f0": "give F0 tracks with f0=... or --f0",
    "references": "give the true stems with references=... or --references",
    "weights": "give a folder with weights=... or --weights",
    "sources": "name them with sources=... or --sources",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the caller asks for, apart from the samples.

    Attributes
    ----------
    sources : tuple of str
        The names asked for; empty when the method is to name what it finds.
    given : frozenset of str
        Which needs are met: ``"score"``, ``"f0"``, ``"references"``, ``"weights"``, ``"sources"``.
    priors, constraints : tuple
    device : str
    """

    given: frozenset[str]
    priors: tuple[Prior, ...]
    constraints: tuple[Constraint, ...]
    device: str
    sources: tuple[str, ...] = ()


def negotiate(
    spec: SeparatorSpec, request: Request, registry: Registry
) -> tuple[tuple[Hosted[Prior], ...], tuple[Hosted[Constraint], ...]]:
    """Choose for every statement the method's most preferred variable that it can speak of.

    Constraints that no variable of the method's own takes, but that speak of waveforms, are hosted by sepkit.

    Raises
    ------
    MismatchError
        With every mismatch, and the installed methods that could do it.
    """
    reasons = mismatches(spec, request)
    if reasons:
        others = (
            other
            for other in registry.separators.values()
            if other.name != spec.name and "yardstick" not in other.traits
        )
        able = tuple(other.name for other in others if not mismatches(other, request))
        raise MismatchError(spec.name, reasons, able)
    return _hosted(request.priors, spec.priors), _hosted(request.constraints, (*spec.constraints, Domain.WAVEFORMS))


def mismatches(spec: SeparatorSpec, request: Request) -> tuple[str, ...]:
    """Every reason why the method cannot take this request."""
    reasons = [f"it needs {need}: {_HOW_TO_GIVE[need]}" for need in spec.needs if need not in request.given]
    strange = [name for name in request.sources if spec.sources and name not in spec.sources]
    if strange:
        reasons.append(f"it separates into {', '.join(spec.sources)} and not into {', '.join(strange)}")
    if "weights" in request.given and not takes_weights(spec):
        reasons.append("it has no weights to load: leave weights=... or --weights out")
    if request.device not in _ORDINARY_DEVICES and "accelerated" not in spec.traits:
        reasons.append(f"it runs on the CPU and cannot use device '{request.device}'")
    reasons += _unhosted("prior", request.priors, spec.priors, request.given)
    reasons += _unhosted("constraint", request.constraints, (*spec.constraints, Domain.WAVEFORMS), request.given)
    return tuple(reasons)


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
            f"{kind} '{statement.name}' needs {need}: {_HOW_TO_GIVE[need]}"
            for need in sorted(statement.needs)
            if need not in given
        ]
    return reasons


def _hosted(statements: tuple[S, ...], preferred: tuple[Domain, ...]) -> tuple[Hosted[S], ...]:
    seen: Counter[str] = Counter()
    hosted = []
    for statement in statements:
        seen[statement.name] += 1
        label = statement.name if seen[statement.name] == 1 else f"{statement.name}-{seen[statement.name]}"
        domain = next(domain for domain in preferred if domain in statement.domains)
        hosted.append(Hosted(statement, domain, label))
    return tuple(hosted)
