"""What a score says of activations, spectrograms and templates: against loops that do as the definitions say."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import sepkit
from sepkit import Atom, Audio, Domain, Layout, Note, Problem, Score, SideInformation, Support
from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.errors import MismatchError, SideInformationError
from sepkit.informed.harmonics import partial_lobes

RATE = 8000
BINS_HZ = np.arange(129) * (RATE / 256)
FRAMES_S = np.arange(-2, 60) * 0.1
ATOMS = tuple(
    Atom(source, pitch, transient)
    for source, pitch, transient in itertools.product(
        (None, "flute", "cello", "choir"), (None, 60, 64.5), (False, True)
    )
)

# On the frames' own grid, so that boundaries are hit exactly.
seconds = st.integers(0, 70).map(lambda tenths: tenths / 10)
notes = st.lists(
    st.builds(
        lambda onset_s, duration, pitch, part: Note(onset_s, onset_s + (1 + duration) / 7, pitch, part=part),
        seconds,
        st.integers(0, 20),
        st.sampled_from([60, 64.5, 70]),
        st.sampled_from(["flute", "cello", "flute "]),
    ),
    min_size=1,
    max_size=12,
)
tolerances = st.sampled_from([0.0, 0.05, 0.1, 0.3])


def layout(
    given_notes: list[Note], sources: tuple[str, ...] = ("flute", "cello"), atoms: tuple[Atom, ...] = ATOMS
) -> Layout:
    problem = Problem(Audio(np.zeros((1, 100)), RATE), sources, SideInformation(score=Score(tuple(given_notes))))
    return problem.layout(bins_hz=BINS_HZ, frames_s=FRAMES_S, atoms=atoms)


def support(constraint: ScoreConstraint | HarmonicConstraint, on: Layout, domain: Domain) -> NDArray[np.bool_]:
    projection = constraint.bind(on, domain)
    assert isinstance(projection, Support)
    assert projection.support.shape == on.shape(domain)
    return projection.support


def sounds(constraint: ScoreConstraint, note: Note, time_s: float, transient: bool = False) -> bool:
    if transient:
        first_s, stop_s = note.onset_s - constraint.transient_before_s, note.onset_s + constraint.transient_after_s
    else:
        first_s, stop_s = note.onset_s - constraint.before_s, note.offset_s + constraint.after_s
    return first_s <= time_s < stop_s


class TestScoreOnActivations:
    @settings(max_examples=40)
    @given(
        notes,
        st.builds(
            ScoreConstraint,
            before_s=tolerances,
            after_s=tolerances,
            transient_before_s=tolerances,
            transient_after_s=tolerances,
        ),
    )
    def test_equals_a_loop_over_atoms_frames_and_notes(
        self, given_notes: list[Note], constraint: ScoreConstraint
    ) -> None:
        parts = {note.part for note in given_notes}
        if not parts & {"flute", "cello"}:
            return
        expected = np.ones((len(ATOMS), len(FRAMES_S)), bool)
        for row, atom in zip(expected, ATOMS, strict=True):
            if atom.source not in (None, *parts) or (atom.source is None and atom.pitch is None):
                continue
            alike = [n for n in given_notes if atom.source in (None, n.part) and atom.pitch in (None, n.pitch)]
            row[:] = [any(sounds(constraint, note, t, atom.transient) for note in alike) for t in FRAMES_S]
        np.testing.assert_array_equal(support(constraint, layout(given_notes), Domain.ACTIVATIONS), expected)

    @settings(max_examples=20)
    @given(notes, st.randoms(use_true_random=False))
    def test_is_the_union_whatever_the_order_and_however_often_a_note_is_given(
        self, given_notes: list[Note], random: Any
    ) -> None:
        given_notes = [*given_notes, Note(0, 1, 60, part="flute")]
        shuffled = [*given_notes, *given_notes[::2]]
        random.shuffle(shuffled)
        one, other = (support(ScoreConstraint(), layout(ns), Domain.ACTIVATIONS) for ns in (given_notes, shuffled))
        np.testing.assert_array_equal(one, other)
        rows = [atom.source in ("flute", None) and atom.pitch is not None for atom in ATOMS]
        alone = [support(ScoreConstraint(), layout([n, given_notes[-1]]), Domain.ACTIVATIONS) for n in given_notes]
        np.testing.assert_array_equal(one[rows], np.logical_or.reduce(alone)[rows])

    def test_a_gap_between_notes_that_overlap_others_stays_silent(self) -> None:
        given_notes = [Note(0, 1, 60, part="flute"), Note(0.5, 2, 60, part="flute"), Note(3, 4, 60, part="flute")]
        exact = ScoreConstraint(before_s=0, after_s=0)
        (row,) = support(exact, layout(given_notes, atoms=(Atom("flute", 60),)), Domain.ACTIVATIONS)
        np.testing.assert_array_equal(row, ((FRAMES_S >= 0) & (FRAMES_S < 2)) | ((FRAMES_S >= 3) & (FRAMES_S < 4)))

    def test_a_pitch_that_its_part_never_plays_is_silent(self) -> None:
        given_notes = [Note(0, 5, 60, part="flute"), Note(0, 5, 64.5, part="cello")]
        atoms = (Atom("flute", 64.5), Atom("flute", 60), Atom(None, 61), Atom(None, 60))
        silent = ~support(ScoreConstraint(), layout(given_notes, atoms=atoms), Domain.ACTIVATIONS).any(axis=1)
        assert silent.tolist() == [True, False, True, False]


class TestScoreOnSpectrograms:
    @settings(max_examples=15)
    @given(notes, tolerances, st.sampled_from([10.0, 50.0, 300.0]))
    def test_energy_is_allowed_near_the_partials_of_what_sounds_and_nowhere_else(
        self, given_notes: list[Note], tolerance_s: float, cents: float
    ) -> None:
        given_notes = [*given_notes, Note(0.25, 0.5, 62, part="cello")]
        constraint = ScoreConstraint(before_s=tolerance_s, after_s=2 * tolerance_s, cents=cents)
        sources = ("flute", "choir", "cello")
        parts = {note.part for note in given_notes}
        expected = np.zeros((len(sources), len(BINS_HZ), len(FRAMES_S)), bool)
        for allowed, source in zip(expected, sources, strict=True):
            allowed[:] = source not in parts
            for note in given_notes:
                if note.part == source:
                    _, height = partial_lobes(BINS_HZ, note.pitch, cents=cents)
                    allowed |= np.outer(height > 0, [sounds(constraint, note, t) for t in FRAMES_S])
        np.testing.assert_array_equal(support(constraint, layout(given_notes, sources), Domain.SPECTROGRAMS), expected)

    def test_masks_share_the_axes(self) -> None:
        on = layout([Note(0, 1, 60, part="flute"), Note(1, 2, 64, part="cello")])
        masks = np.full(on.shape(Domain.SPECTROGRAMS), 0.5, np.float32)
        projected = ScoreConstraint().bind(on, Domain.SPECTROGRAMS).project(masks)
        assert set(np.unique(projected)) == {0, 0.5}


@pytest.mark.parametrize("domain", [Domain.ACTIVATIONS, Domain.SPECTROGRAMS])
def test_a_score_of_none_of_the_sources_is_a_mistake(domain: Domain) -> None:
    on = layout([Note(0, 1, 60, part="oboe")], ("flute", "cello"), (Atom("flute"), Atom("cello")))
    with pytest.raises(SideInformationError, match="has parts 'oboe' and none of the sources cello, flute"):
        ScoreConstraint().bind(on, domain)


def test_atoms_of_which_nothing_is_known_may_always_sound() -> None:
    on = layout([Note(0, 1, 60, part="oboe")], atoms=(Atom(), Atom(transient=True)))
    assert support(ScoreConstraint(), on, Domain.ACTIVATIONS).all()


class TestZeros:
    @pytest.mark.parametrize("gain", [1e-30, 1.0, 1e30])
    def test_violation_is_the_share_outside_whatever_the_level(self, gain: float) -> None:
        on = layout([Note(0, 1, 60, part="flute")], atoms=(Atom("flute", 60),))
        bound = ScoreConstraint(before_s=0, after_s=0).bind(on, Domain.ACTIVATIONS)
        value = np.full(on.shape(Domain.ACTIVATIONS), gain, np.float32)
        inside = 10 / len(FRAMES_S)
        assert bound.violation(value) == pytest.approx(np.sqrt(1 - inside), rel=1e-5)
        assert bound.violation(bound.project(value)) == 0
        assert bound.violation(0 * value) == 0

    def test_a_tensor_that_is_being_optimised_can_be_measured_and_projected(self) -> None:
        import torch

        on = layout([Note(0, 1, 60, part="flute")], atoms=(Atom("flute", 60),))
        bound = ScoreConstraint().bind(on, Domain.ACTIVATIONS)
        value = torch.ones(on.shape(Domain.ACTIVATIONS), requires_grad=True)
        assert 0 < bound.violation(value) < 1
        bound.project(value).sum().backward()
        assert value.grad is not None
        np.testing.assert_array_equal(value.grad.numpy() > 0, support(ScoreConstraint(), on, Domain.ACTIVATIONS))


def test_harmonic_leaves_the_neighbourhood_of_partials_and_free_atoms_alone() -> None:
    on = layout([Note(0, 1, 60, part="flute")])
    allowed = support(HarmonicConstraint(cents=30, inharmonicity=0.001), on, Domain.TEMPLATES)
    for column, atom in zip(allowed.T, ATOMS, strict=True):
        if atom.pitch is None or atom.transient:
            assert column.all()
        else:
            _, height = partial_lobes(BINS_HZ, atom.pitch, cents=30, inharmonicity=0.001)
            np.testing.assert_array_equal(column, height > 0)
            assert 0.1 < column.mean() < 0.9


def bursts(kind: str, seconds: float, gate_hz: float) -> NDArray[np.float64]:
    """A tone or noise that is switched on and off."""
    t = np.arange(int(seconds * RATE)) / RATE
    gate = np.sin(2 * np.pi * gate_hz * t) > 0
    if kind == "tone":
        return 0.2 * gate * np.asarray(sum(np.sin(2 * np.pi * m * 220 * t) / m for m in range(1, 6)))
    return 0.1 * gate * np.random.default_rng(7).standard_normal(t.size)


QUICK: dict[str, Any] = {"window_s": 0.032, "iterations": 20, "solver": "mu"}


@pytest.fixture(scope="module")
def mixture() -> Audio:
    return Audio((bursts("tone", 2, 2.0) + bursts("noise", 2, 2.7))[np.newaxis], RATE)


class TestHostedByNMF:
    def test_a_source_is_silent_where_its_part_is(self, mixture: Audio, tmp_path: Path) -> None:
        for kind in ("tone", "noise"):
            Audio(bursts(kind, 1, 3.0)[np.newaxis], RATE).write(tmp_path / f"{kind}.wav")
        score = Score((Note(0.0, 0.4, 57, part="tone"), Note(0.5, 0.75, 69, part="tone")))
        examples = {kind: tmp_path / f"{kind}.wav" for kind in ("tone", "noise")}
        free, bound = (
            sepkit.separate(mixture, "nmf", config=QUICK, examples=examples, score=score, constraints=constraints)
            for constraints in ([], ["score:after_s=0.2"])
        )
        # The last note's offset, the tolerance, and half a window.
        late = int((0.75 + 0.2 + 0.016) * RATE) + 1
        assert np.sum(free["tone"].samples[:, late:] ** 2) > 1
        assert not bound["tone"].samples[:, late:].any()
        np.testing.assert_allclose(bound["noise"].samples[:, late:], mixture.samples[:, late:], atol=1e-5)
        assert np.sum(bound["tone"].samples[:, :late] ** 2) > 10
        (told,) = bound.provenance.constraints
        assert (told["name"], told["domain"], told["violation"]) == ("score", "activations", 0)

    @pytest.mark.parametrize(
        ("statements", "reason"),
        [
            ({"priors": ["harmonic-templates"]}, "prior 'harmonic-templates' can say nothing of atoms whose pitch"),
            ({"priors": ["lobes"]}, "prior 'lobes' can say nothing of atoms whose pitch"),
            ({"constraints": ["harmonic"]}, "constraint 'harmonic' can say nothing of atoms whose pitch"),
            ({"constraints": ["score"]}, "constraint 'score' can say nothing of atoms whose source and pitch"),
        ],
    )
    def test_what_can_say_nothing_of_blind_atoms_is_a_mismatch(
        self, mixture: Audio, statements: dict[str, list[str]], reason: str
    ) -> None:
        score = Score((Note(0.0, 0.4, 57, part="a"),))
        with pytest.raises(MismatchError, match=reason) as error:
            sepkit.separate(mixture, "nmf", sources=["a", "b"], config=QUICK, score=score, align="never", **statements)
        assert "score-nmf" in str(error.value)
