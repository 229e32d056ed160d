"""What is asked for, and what is known of it: parts, statements, scores that fit and scores that do not."""

from __future__ import annotations

import itertools
from importlib import import_module

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Note, Score, large
from sepkit.errors import ConfigError, MismatchError, SideInformationError

# Folders with a hyphen have no name in import statements.
playing = import_module("plugins.score-nmf.tests.hands")
EXACT, RATE, SCORE, STIFFNESS, energy, sdr, separate, two_hands = (
    playing.EXACT,
    playing.RATE,
    playing.SCORE,
    playing.STIFFNESS,
    playing.energy,
    playing.sdr,
    playing.separate,
    playing.two_hands,
)


def test_stems_are_the_parts_in_the_order_asked_for(mixture: Audio) -> None:
    assert separate(mixture).sources == SCORE.parts
    assert separate(mixture, sources=["right", "left"]).sources == ("right", "left")


def test_parts_that_nobody_asked_for_take_their_share(mixture: Audio) -> None:
    both, one = separate(mixture), separate(mixture, sources=["right"])
    assert one.sources == ("right",)
    np.testing.assert_allclose(one["right"].samples, both["right"].samples, atol=1e-5)
    alone = separate(mixture, SCORE.part("right"))
    assert energy(alone["right"].samples) > 1.1 * energy(one["right"].samples)


def test_a_misspelt_part_is_remarked_on() -> None:
    short = Audio(np.zeros((1, RATE), np.float32), RATE)
    remarks = separate(short, sources=["Left", "right"], config={"iterations": 1}).provenance.remarks
    assert any(remark.startswith("of Left the score has no notes, and its parts left are no") for remark in remarks)


def test_a_source_that_is_no_part_of_the_score_gets_what_is_not(mixture: Audio, stems: dict[str, Audio]) -> None:
    rng = np.random.default_rng(1)
    beats = (np.arange(8 * RATE) % (RATE // 3) < 0.03 * RATE) * rng.standard_normal(8 * RATE)
    drums = Audio(0.15 * beats[np.newaxis], RATE)
    full = Audio(mixture.samples + drums.samples, RATE)
    separation = separate(full, sources=["drums", "left", "right"], config={"inharmonicity": STIFFNESS})
    assert sdr(drums, separation["drums"]) > sdr(drums, full) + 5
    for name, truth in stems.items():
        assert sdr(truth, separation[name]) > sdr(truth, full) + 3

    def drawn(seed: int) -> bytes:
        return separate(full, sources=["drums", "left"], config={"iterations": 1}, seed=seed)["drums"].samples.tobytes()

    assert drawn(0) == drawn(0) != drawn(1)


def test_hosts_priors_and_constraints(mixture: Audio) -> None:
    short = Audio(mixture.samples[:, : 2 * RATE], RATE)
    separation = separate(
        short,
        priors=["harmonic-templates:weight=1000", "continuity"],
        constraints=["score:before_s=0,after_s=0", "harmonic:cents=30", "mixture-consistency"],
    )
    cost = separation.provenance.traces["cost"]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in itertools.pairwise(cost))
    violations = {one["name"]: one["violation"] for one in separation.provenance.constraints}
    assert violations["score"] == violations["harmonic"] == 0
    assert not np.array_equal(separation["left"].samples, separate(short)["left"].samples)


def test_what_it_assumes_is_in_the_record_and_gives_way(mixture: Audio) -> None:
    short = Audio(mixture.samples[:, : 2 * RATE], RATE)
    config = {"cents": 30, "inharmonicity": STIFFNESS, "iterations": 3}
    assumed = separate(short, config=config).provenance
    assert [(one["name"], one["default"]) for one in (*assumed.priors, *assumed.constraints)] == [
        ("continuity", True),
        ("lobes", True),
        ("score", True),
        ("harmonic", True),
    ]
    assert assumed.priors[1]["options"] == {"weight": 3000, "cents": 30, "inharmonicity": STIFFNESS}
    declared = separate(short, config=config, priors=["lobes:weight=5"], constraints=EXACT).provenance
    assert [(one["name"], one["default"]) for one in declared.priors] == [("continuity", True), ("lobes", False)]
    assert [(one["name"], one["default"]) for one in declared.constraints] == [("harmonic", True), ("score", False)]


def test_notes_after_the_recordings_end_are_remarked_on(mixture: Audio) -> None:
    late = Score((*SCORE.notes, *(Note(onset_s, 10, 60, part="left") for onset_s in (7.9, 8.0, 9.25))))
    separation = separate(mixture, late)
    assert separation.provenance.remarks == (
        f"2 of {len(late.notes)} notes lie after the recording's end at 8.0 s, the first at 8.0 s",
    )
    assert separate(mixture).provenance.remarks == ()


def test_a_score_that_comes_too_late_gives_silence(mixture: Audio) -> None:
    separation = separate(mixture, Score((Note(20, 21, 60, part="a"), Note(20, 21, 64, part="b"))))
    assert not any(stem.samples.any() for stem in separation.values())
    np.testing.assert_array_equal(separation.residual.samples, mixture.samples)


@pytest.mark.parametrize("method", ["score-nmf", "score-nmf-tutorial"])
@pytest.mark.parametrize("unexplained", ["residual", "share"])
@pytest.mark.parametrize("samples", [np.zeros((1, 4000)), np.ones((1, 1)), np.zeros((2, 1))])
def test_silence_and_single_samples_survive(samples: NDArray[np.float64], unexplained: str, method: str) -> None:
    config = {"unexplained": unexplained, "transients": True}
    separation = separate(Audio(samples, RATE), method=method, config=config, sources=["left", "right", "rest"])
    total = sum(stem.samples for stem in separation.values()) + separation.residual.samples
    np.testing.assert_allclose(total, samples, atol=1e-6)


def test_a_pitch_above_all_frequencies_is_silent(mixture: Audio) -> None:
    score = Score((*SCORE.part("left").notes, Note(0, 8, 127, part="bat")))
    low = mixture.resample(8000)
    assert not separate(low, score)["bat"].samples.any()


@pytest.mark.parametrize(
    ("score", "sources", "error", "words"),
    [
        (SCORE, ["piano", "voice"], SideInformationError, "parts .*'left'.* and none of the sources piano, voice"),
        (Score((Note(0, 1, 60),)), [], SideInformationError, "belong to no part"),
        (None, ["left"], MismatchError, "score"),
    ],
    ids=["strangers", "nameless", "none"],
)
def test_scores_that_cannot_be_used_are_named(
    mixture: Audio, score: Score, sources: list[str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        separate(mixture, score, sources=sources)


def test_a_solver_that_cannot_lower_a_divergence_is_named(mixture: Audio) -> None:
    with pytest.raises(ConfigError, match="mue needs beta from 1 to 2, given 0"):
        separate(mixture, config={"solver": "mue", "beta": 0})


@pytest.mark.parametrize("method", ["score-nmf", "score-nmf-tutorial"])
def test_arrays_that_are_mapped_from_files_give_the_same_bytes(mixture: Audio, method: str) -> None:
    def separated() -> list[bytes]:
        found = sepkit.separate(mixture, method, score=two_hands(), align="never", config={"iterations": 5})
        return [stem.samples.tobytes() for stem in found.values()]

    in_memory = separated()
    with large.mapped_beyond(0):
        assert separated() == in_memory
