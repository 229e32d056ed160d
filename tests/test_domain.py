from __future__ import annotations

import pickle

import numpy as np
import pytest

from sepkit import Atom, Audio, Domain, Layout, Problem, SideInformation
from sepkit.builtin import Continuity, MixtureConsistency, Sparsity
from sepkit.problem.statement import Hosted

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
