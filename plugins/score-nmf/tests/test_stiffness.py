"""The inharmonicity of strings: found in the recording unless it is said."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sepkit import Audio, Label, Labels, Note, Score
from sepkit.informed import partials_hz
from sepkit.music import midi_to_hz
from sepkit_score_nmf.stiffness import some_frames

# Folders with a hyphen have no name in import statements.
playing = import_module("plugins.score-nmf.tests.hands")
RATE, STIFFNESS, separate = playing.RATE, playing.STIFFNESS, playing.separate

CHORDS = Score(
    tuple(
        Note(start, start + 1.0, low + step, part="piano") for start, low in ((0, 40), (1, 45)) for step in (0, 7, 16)
    )
)
MELODY = Score((Note(0, 1, 47, part="cello"), Note(1, 2, 50, part="cello")))


def strings(score: Score, stiffness: float) -> Audio:
    samples = np.zeros(2 * RATE)
    for note in score.notes:
        t = np.arange(RATE) / RATE
        samples[int(note.onset_s * RATE) :][:RATE] += tone(t, float(midi_to_hz(note.pitch)), stiffness)
    return Audio(samples[np.newaxis], RATE)


def tone(t: NDArray[np.float64], f0_hz: float, stiffness: float) -> NDArray[np.float64]:
    partials = partials_hz(f0_hz, RATE / 2, stiffness)[:-1]
    return sum((0.05 / m * np.sin(2 * np.pi * hz * t + m) for m, hz in enumerate(partials, 1)), np.zeros_like(t))


def found(mixture: Audio, score: Score, **given: Any) -> list[float] | None:
    """What the record says was looked for and found; None where it was not looked for."""
    given["config"] = {"iterations": 1, **given.get("config", {})}
    return separate(mixture, score, align="never", **given).provenance.traces.get("inharmonicity")


@pytest.mark.parametrize("stiffness", [0, 1e-4, 2e-4, 4e-4, 8e-4])
def test_it_is_found_and_kept_in_the_record(stiffness: float) -> None:
    assert found(strings(CHORDS, stiffness), CHORDS) == [stiffness]


def test_what_is_found_is_used(mixture: Audio) -> None:
    by_itself, given, exact = (
        separate(mixture, config={"inharmonicity": stiffness}) for stiffness in (None, STIFFNESS, 0.0)
    )
    assert not np.array_equal(by_itself["left"].samples, exact["left"].samples)
    assert all(np.array_equal(by_itself[name].samples, given[name].samples) for name in ("left", "right"))


@pytest.mark.parametrize(
    "said",
    [
        {"config": {"inharmonicity": 0}},
        {"config": {"inharmonicity": 1e-4}},
        {"config": {"inharmonicity": 0}, "constraints": ["harmonic:cents=30"], "priors": ["lobes:weight=1"]},
        {"constraints": ["harmonic:inharmonicity=0.0001"]},
        {"priors": ["lobes:inharmonicity=0"]},
    ],
)
def test_what_is_said_is_not_looked_for(said: dict[str, Any]) -> None:
    assert found(strings(CHORDS, STIFFNESS), CHORDS, **said) is None


def test_what_one_statement_says_the_others_take() -> None:
    mixture = strings(CHORDS, STIFFNESS)
    by_option, by_statement = (
        separate(mixture, CHORDS, **said)["piano"].samples
        for said in (
            {"config": {"inharmonicity": STIFFNESS}},
            {"constraints": [f"harmonic:inharmonicity={STIFFNESS}"]},
        )
    )
    assert np.array_equal(by_option, by_statement)


def test_a_declared_statement_that_says_nothing_of_it_takes_what_is_found() -> None:
    assert found(strings(CHORDS, STIFFNESS), CHORDS, constraints=["harmonic:cents=30"]) == [STIFFNESS]


def test_it_is_found_beside_sources_that_are_no_part_of_the_score() -> None:
    mixture = strings(CHORDS, STIFFNESS)
    labels = Labels([Label(0.2, 0.9, "drums")])
    given = {"sources": ["piano", "drums"], "labels": labels, "constraints": ["activity"]}
    assert found(mixture, CHORDS, **given) == [STIFFNESS]


@pytest.mark.parametrize("seconds", [0.5, 2, 70])
def test_frames_to_look_at_rise(seconds: float) -> None:
    frames = np.concatenate([np.arange(4000)[some] for some in some_frames(int(seconds * 50))])
    assert (np.diff(frames) > 0).all()
    assert len(frames) <= 1024


def test_of_melodies_it_is_not_looked_for() -> None:
    assert found(strings(MELODY, STIFFNESS), MELODY) is None


@pytest.mark.parametrize("length", [1, 40, RATE // 10])
def test_recordings_of_less_than_a_window(length: int) -> None:
    short = Score(tuple(Note(0, 0.1, pitch, part="piano") for pitch in (40, 47, 56)))
    noise = Audio(np.random.default_rng(0).standard_normal((1, length)), RATE)
    assert separate(noise, short, align="never")["piano"].length == length
