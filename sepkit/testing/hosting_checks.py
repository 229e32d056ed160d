"""Checks that a method does with priors and constraints what it declares to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sepkit.errors import UserError, fault_of
from sepkit.plugin.specs import StatementSpec
from sepkit.problem.constraint import Constraint
from sepkit.problem.domain import Domain
from sepkit.problem.needs import SIDE_INFORMATION
from sepkit.problem.prior import Prior
from sepkit.problem.statement import Statement
from sepkit.solving.defaults import default_constraints, default_priors
from sepkit.testing.check import check, hosts_constraints, hosts_priors, is_method
from sepkit.testing.outcome import CheckFailed, Skipped, require
from sepkit.testing.statements import KitLimits, KitPull, KitSupport
from sepkit.testing.subject import MethodSubject, Result

_TOLERANCE = 1e-4
"""Largest final violation, relative to the value."""


@check(when=lambda subject: is_method(subject) and (subject.spec.default_priors or subject.spec.default_constraints))
def default_statements_are_hosted(subject: MethodSubject) -> None:
    """What the spec assumes can be declared in these words, and is hosted by the method itself."""
    spec, given = subject.spec, frozenset(SIDE_INFORMATION)
    of_kind: dict[str, tuple[tuple[Statement, ...], tuple[str, ...], tuple[Domain, ...]]] = {
        "prior": (
            default_priors(spec, subject.config, subject.registry, (), given),
            spec.default_priors,
            spec.priors,
        ),
        "constraint": (
            default_constraints(spec, subject.config, subject.registry, (), given),
            spec.default_constraints,
            (*spec.constraints, Domain.WAVEFORMS),
        ),
    }
    for kind, (statements, texts, hosts) in of_kind.items():
        names = {one.name for one in statements}
        require(len(names) == len(texts), f"default {kind}s need distinct names, given {', '.join(texts)}")
        for one in statements:
            require(
                one.domains & set(hosts),
                f"default {kind} '{one.name}' speaks of nothing that the method hosts {kind}s on; leave it out",
            )


@check(when=hosts_constraints)
def hosted_constraints_are_reported(subject: MethodSubject) -> None:
    """The final violation of every hosted constraint is measured on the final value and reported."""
    for domain, constraint, result in _constrained(subject):
        reported = result.run.violations.get(constraint.name)
        require(
            reported is not None,
            f"a constraint on {domain} has no final violation; hand what BoundConstraints.violations gives to "
            "run.report_violations",
        )
        require(
            reported in constraint.log.violations,
            f"the violation reported for a constraint on {domain} is {reported} and none of those that its projection "
            "measured; report what BoundConstraints.violations gives",
        )


@check(when=hosts_constraints)
def hosted_constraints_hold(subject: MethodSubject) -> None:
    """Every hosted constraint, whether a support or more than that, holds at the end."""
    for domain, constraint, result in _constrained(subject):
        violation = result.run.violations.get(constraint.name)
        if violation is None:
            raise Skipped("violations are not reported; see check 'hosted-constraints-are-reported'")
        if domain == Domain.WAVEFORMS:
            # The stems are the value: what was reported is measured again.
            layout = subject.problem(result.case).layout(sources=tuple(result.stems))
            violation = max(violation, constraint.bind(layout, domain).violation(result.samples))
        kind = "support" if isinstance(constraint, KitSupport) else "projection"
        require(
            violation <= _TOLERANCE,
            f"a {kind} on {domain} ends violated by {violation:.2g}; project after the last update, not before it",
        )


@check(when=hosts_priors)
def hosted_priors_are_used(subject: MethodSubject) -> None:
    """A prior on every hosted variable is asked, and changes the stems."""
    subject.require_deterministic()
    without = subject.result(subject.bare_case("sources")).fingerprint
    for domain in subject.spec.priors:
        prior = KitPull()
        result = subject.separate(subject.bare_case("sources"), priors={domain: prior})
        require(
            prior.log.calls,
            f"a prior on {domain} is never asked; bind it with problem.bind_priors and use its gradient",
        )
        require(
            result.fingerprint != without,
            f"a strong prior on {domain} is asked and changes nothing; add its gradient to that of the fit",
        )


@check(when=hosts_priors)
def works_with_installed_priors(subject: MethodSubject) -> None:
    """Every installed prior on a hosted variable can be used."""
    _try_installed(subject, subject.registry.priors, subject.spec.priors, "priors")


@check(when=hosts_constraints)
def works_with_installed_constraints(subject: MethodSubject) -> None:
    """Every installed constraint on a hosted variable can be used."""
    _try_installed(subject, subject.registry.constraints, subject.spec.constraints, "constraints")


def _constrained(subject: MethodSubject) -> Iterator[tuple[Domain, Any, Result]]:
    """Separations under the kit's constraints, one at a time, on every hosted variable."""
    subject.result(subject.bare_case("sources"))
    for domain in subject.spec.constraints:
        for kind in (KitSupport, KitLimits):
            if domain in kind.domains:
                constraint: Constraint = kind()
                yield domain, constraint, _separated(subject, f"a constraint on {domain}", {domain: constraint})


def _separated(subject: MethodSubject, what: str, constraints: Mapping[Domain, Constraint]) -> Result:
    try:
        return subject.separate(subject.bare_case("sources"), constraints=constraints)
    except Skipped:
        raise
    except Exception as error:
        raise CheckFailed(f"with {what} it fails with {fault_of(error)}") from error


def _try_installed(
    subject: MethodSubject,
    specs: Mapping[str, StatementSpec],
    hosted: tuple[Domain, ...],
    argument: str,
) -> None:
    subject.result(subject.bare_case("sources"))
    for name, spec in sorted(specs.items()):
        domain = next((domain for domain in hosted if domain in spec.domains), None)
        statement = None if domain is None else _with_defaults(spec)
        if domain is None or statement is None:
            continue
        try:
            if isinstance(statement, Prior):
                subject.separate(subject.bare_case("sources"), priors={domain: statement})
            elif isinstance(statement, Constraint):
                subject.separate(subject.bare_case("sources"), constraints={domain: statement})
        except UserError:
            # The statement wants another problem: weights for these sources, another rate.
            continue
        except Exception as error:
            raise CheckFailed(f"with {spec.kind} '{name}' it fails with {fault_of(error)}") from error


def _with_defaults(spec: StatementSpec) -> Statement | None:
    """The statement with its default options; None where that is not to be had, which is not the method's fault."""
    try:
        statement: Statement = spec.load()()
    except Exception:
        return None
    return statement
