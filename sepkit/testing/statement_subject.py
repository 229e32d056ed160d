"""A prior or a constraint under test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sepkit.config import validate
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import StatementSpec
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.statement import Statement
from sepkit.testing.material import small_layout
from sepkit.testing.outcome import or_skipped


@dataclass(eq=False)
class StatementSubject:
    """A prior or a constraint under test.

    Parameters
    ----------
    kind : str
        ``"prior"`` or ``"constraint"``.
    registry : Registry or None
    spec : StatementSpec, optional
        None when an instance is checked by itself.
    options : mapping
    instance : Statement, optional
    """

    kind: str
    registry: Registry | None
    spec: StatementSpec | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    instance: Statement | None = None
    probed: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """As it is published."""
        return self.spec.name if self.spec else self.config.name

    @property
    def example(self) -> dict[str, Any]:
        """The options that checks run with."""
        return dict(self.options)

    @property
    def model(self) -> type[Statement]:
        """Its class."""
        if self.instance is not None:
            return type(self.instance)
        assert self.spec is not None
        loaded: type[Statement] = or_skipped(self.spec.load, "imports-resolve")
        return loaded

    @property
    def config(self) -> Statement:
        """An instance: its fields are its options."""
        if self.instance is not None:
            return self.instance
        statement: Statement = or_skipped(
            lambda: validate(self.model, self.example, f"{self.kind} '{self.name}'"), "example-validates"
        )
        return statement

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The variables that it speaks of, in a fixed order."""
        return tuple(sorted(self.config.domains, key=str))

    def layout(self, *, tiny: bool = False) -> Layout:
        """Axes that it can be bound to."""
        axes = (axis for domain in self.domains for axis in domain.axes)
        if self.spec is None:
            return small_layout(axes, tiny=tiny)
        return small_layout(axes, tiny=tiny, sources=self.spec.sources, sample_rate=self.spec.sample_rate)
