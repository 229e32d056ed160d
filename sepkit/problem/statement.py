"""What priors and constraints have in common: options, the domains they speak of, and what they need to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from sepkit.config import Config
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout

S = TypeVar("S", bound="Statement", covariant=True)


class Statement(Config):
    """A declaration about one variable of the problem; its fields are its options."""

    domains: ClassVar[frozenset[Domain]]
    """The variables that it can be bound to."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """Side information that it reads, in the words of specs: ``"score"``, ``"f0"``, ``"score|f0"``."""

    @property
    def name(self) -> str:
        """The class name in kebab-case, as it is published."""
        return published_name(type(self).__name__)

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        """Why it can say nothing of these axes, and what to do; None where it can.

        Nothing declared is ever ignored: a statement for which this gives a reason is refused with it.

        Parameters
        ----------
        layout : Layout
        domain : Domain
            One of `domains`.
        """
        return None


def published_name(class_name: str) -> str:
    """A class name in kebab-case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", class_name).lower()


@dataclass(frozen=True)
class Hosted(Generic[S]):
    """A statement together with the domain that the negotiation chose for it.

    Attributes
    ----------
    statement : Prior or Constraint
    domain : Domain
    label : str
        Its name, numbered when the same statement is made twice.
    default : bool
        Whether the method assumes it and nobody declared it; then it is left out where it can say nothing.
    """

    statement: S
    domain: Domain
    label: str
    default: bool = False

    def describe(self) -> dict[str, Any]:
        """Name, domain, options, and whether it is a default, for the provenance."""
        return {
            "name": self.label,
            "statement": self.statement.name,
            "domain": str(self.domain),
            "options": self.statement.model_dump(mode="json"),
            "default": self.default,
        }
