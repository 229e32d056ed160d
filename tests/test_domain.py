from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import Field

from sepkit import (
    Atom,
    Audio,
    Config,
    Constraint,
    Domain,
    Layout,
    Note,
    Problem,
    Projection,
    Registry,
    Score,
    SideInformation,
)
from sepkit.builtin import Continuity, MixtureConsistency, Sparsity
from sepkit.plugin import SeparatorSpec
from sepkit.problem.statement import Hosted
from sepkit.solving.negotiation import Task, negotiate
from sepkit.testing import check_constraint

MIXTURE = Audio(np.zeros((2, 100), np.float32), 8000)


@pytest.fixture
def layout() -> Layout:
    return Problem(MIXTURE, ("a", "b", "c")).layout(
        bins_hz=np.arange(5.0), frames_s=np.arange(7.0), atoms=(Atom("a"), Atom("a"), Atom("b", 60), Atom())
    )


@pytest.mark.parametrize(
    ("domain", "shape"),
    [
        (Domain.WAVEFORMS, (3, 2, 100)),
        (Domain.SPECTROGRAMS, (3, 5, 7)),
        (Domain.TEMPLATES, (5, 4)),
        (Domain.ACTIVATIONS, (4, 7)),
        (Domain.F0, (3, 7)),
    ],
)
def test_shape_of_every_domain(layout: Layout, domain: Domain, shape: tuple[int, ...]) -> None:
    assert layout.shape(domain) == shape
    assert len(domain.axes) == len(shape)


@pytest.mark.parametrize(
    ("domain", "missing"),
    [(Domain.ACTIVATIONS, "atoms, frames"), (Domain.TEMPLATES, "bins, atoms"), (Domain.F0, "frames")],
)
def test_shape_names_the_axes_that_a_layout_lacks(domain: Domain, missing: str) -> None:
    with pytest.raises(ValueError, match=f"no {missing};.*{domain}"):
        Problem(MIXTURE, ("a",)).layout().shape(domain)


def test_domains_are_written_in_lower_case() -> None:
    assert str(Domain.WAVEFORMS) == "waveforms"


LAGGED = Domain("lagged-templates", ("bins", "atoms", "lags"), nonnegative=True)


class Fading(Constraint):
    """What comes late is no louder than a limit, in a variable that only some methods have."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain("lagged-templates", ("bins", "atoms", "lags"), True)})

    limit: float = Field(default=0.5, gt=0, le=100, description="The largest value.")

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return AtMost(self.limit, layout.shape(domain))


@dataclass(frozen=True)
class AtMost:
    limit: float
    shape: tuple[int, ...]

    def project(self, value: Any) -> Any:
        assert value.shape == self.shape
        return value.clip(None, self.limit)

    def violation(self, value: Any) -> float:
        value = value.detach() if hasattr(value, "detach") else value
        return max(0.0, float(value.max() / self.limit) - 1)


class TestDomainsOfPlugins:
    def test_methods_tell_the_lengths_of_axes_of_their_own(self) -> None:
        layout = Problem(MIXTURE).layout(bins_hz=np.arange(5.0), atoms=(Atom(),), lengths={"lags": 8})
        assert layout.shape(LAGGED) == (5, 1, 8)
        with pytest.raises(ValueError, match="no lags; a value of lagged-templates has axes"):
            Problem(MIXTURE).layout(bins_hz=np.arange(5.0), atoms=(Atom(),)).shape(LAGGED)

    def test_statements_of_others_speak_of_an_equal_one(self) -> None:
        spec = SeparatorSpec(name="lagged", summary="has lags", factory="nowhere:Lagged", constraints=(LAGGED,))
        request = Task(given=frozenset(), priors=(), constraints=(Fading(),), device="cpu")
        _, (hosted,) = negotiate(spec, Config(), request, Registry())
        problem = Problem(MIXTURE, constraints=(pickle.loads(pickle.dumps(hosted)),))
        layout = problem.layout(bins_hz=np.arange(5.0), atoms=(Atom(),), lengths={"lags": 8})
        bound = problem.bind_constraints(layout, LAGGED)
        assert bound.project(np.ones((5, 1, 8))).max() == 0.5
        assert hosted.describe()["domain"] == "lagged-templates"

    def test_the_checks_know_them(self) -> None:
        outcomes = check_constraint(Fading())
        assert [one for one in outcomes if one.status == "failed"] == []
        assert any(one.check == "projection-is-idempotent" and one.status == "passed" for one in outcomes)


class TestStatementsSeeWhatTheyNeed:
    def test_and_methods_what_their_spec_names(self) -> None:
        score = Score((Note(0, 1, 60, part="a"),))
        given = SideInformation(score=score, examples={"a": (MIXTURE,)}, references={"a": MIXTURE})
        seen: list[frozenset[str]] = []

        class Curious(Constraint):
            domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})
            needs: ClassVar[frozenset[str]] = frozenset({"score|f0"})

            def bind(self, layout: Layout, domain: Domain) -> Projection:
                seen.append(layout.side_information.kinds)
                return AtMost(1.0, layout.shape(domain))

        problem = Problem(
            MIXTURE,
            ("a",),
            given.only({"examples"}),
            constraints=(Hosted(Curious(), Domain.WAVEFORMS, "curious"),),
            for_statements=given,
        )
        layout = problem.layout()
        assert layout.side_information.kinds == {"examples"}
        problem.bind_constraints(layout, Domain.WAVEFORMS)
        assert seen == [{"score"}]


class TestProblem:
    def test_layout_takes_names_that_the_method_found(self) -> None:
        assert Problem(MIXTURE).layout(sources=("x",)).shape(Domain.WAVEFORMS) == (1, 2, 100)

    def test_binds_what_is_hosted_on_a_domain_in_declared_order(self, layout: Layout) -> None:
        problem = Problem(
            MIXTURE,
            ("a", "b", "c"),
            priors=(Hosted(Sparsity(), Domain.ACTIVATIONS, "one"), Hosted(Continuity(), Domain.ACTIVATIONS, "two")),
            constraints=(Hosted(MixtureConsistency(), Domain.WAVEFORMS, "sum"),),
        )
        assert len(problem.bind_priors(layout, Domain.ACTIVATIONS)) == 2
        assert problem.bind_priors(layout, Domain.TEMPLATES) == ()
        bound = problem.bind_constraints(layout, Domain.WAVEFORMS)
        assert [label for label, _ in bound.projections] == ["sum"]
        assert not problem.bind_constraints(layout, Domain.ACTIVATIONS)

    def test_survives_pickling(self) -> None:
        problem = Problem(
            MIXTURE, ("a",), SideInformation(), constraints=(Hosted(MixtureConsistency(), Domain.WAVEFORMS, "sum"),)
        )
        again = pickle.loads(pickle.dumps(problem))
        assert (again.sources, again.constraints) == (problem.sources, problem.constraints)
        np.testing.assert_array_equal(again.mixture.samples, MIXTURE.samples)

    def test_is_immutable(self) -> None:
        with pytest.raises(AttributeError):
            Problem(MIXTURE).sources = ("a",)  # type: ignore[misc]
