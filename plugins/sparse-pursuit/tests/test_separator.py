"""The separator on recordings made for the purpose, and on those in which there is nothing for it to find."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Separation, separate
from sepkit.errors import Cancelled, ConfigError, WeightsError
from sepkit.evaluation import evaluate
from sepkit.problem.domain import Domain
from sepkit.problem.run import Progress
from sepkit_sparse_pursuit.naming import instruments_of_names

FAST = {"starts": 2, "iterations": 80, "prune_every": 20, "settle": 30, "harmonics": 10, "window_s": 0.3, "batch": 6}
FASTEST = {"starts": 1, "iterations": 4, "prune_every": 2, "settle": 2, "harmonics": 8, "window_s": 0.2, "batch": 4}


FULL = np.array([0.7, 1, 0.8, 0.6, 0.65, 0.4, 0.35, 0.3, 0.2, 0.1])
ODD = np.array([1, 0.05, 0.45, 0.03, 0.2, 0, 0.08, 0, 0, 0])


def part(harmonics: np.ndarray, pitches: list[float], rate: int, note_s: float = 0.4) -> np.ndarray:
    """Notes one after the other, with vibrato and soft ends; of -1 nothing sounds."""
    length = int(note_s * rate)
    time = np.arange(length) / rate
    envelope = np.minimum(1, np.minimum(time, note_s - time) / 0.03)
    notes = []
    for index, pitch in enumerate(pitches):
        hz = 440 * 2 ** ((pitch - 69) / 12) if pitch >= 0 else 0.0
        phase = 2 * np.pi * hz * (time + 2e-4 * np.sin(2 * np.pi * 5.5 * time + index))
        h = np.arange(1, len(harmonics) + 1)
        audible = h * hz < rate / 2.2
        tone = (harmonics * audible) @ np.sin(np.outer(h, phase) + h[:, np.newaxis] ** 2)
        notes.append(envelope * tone * (hz > 0))
    return np.concatenate(notes)


def duo(rate: int = 16_000, notes: int = 8, seed: int = 0) -> dict[str, Audio]:
    """The stems, equally loud."""
    rng = np.random.default_rng(seed)
    parts = {
        "full": part(FULL, list(rng.choice([62, 64, 65, 67, 69, 71], notes)), rate),
        "odd": part(ODD, list(rng.choice([69, 70, 72, 74, 76, 77], notes)), rate),
    }
    return {name: Audio((0.1 * x / x.std()).astype(np.float32)[np.newaxis], rate) for name, x in parts.items()}


def mixed(*stems: Audio) -> Audio:
    """Their sum."""
    return Audio(np.sum([stem.samples for stem in stems], axis=0), stems[0].sample_rate)


def si_sdr(separation: Separation, stems: dict[str, Audio]) -> dict[str, float]:
    return evaluate(separation, stems, metrics=["si-sdr"], permute=True).values["SI-SDR"]


@pytest.fixture(scope="module")
def separated() -> Separation:
    stems = duo()
    return separate(
        mixed(*stems.values()), "sparse-pursuit", sources=["a", "b"], config=FAST, seed=1, keep_variables=True
    )


def test_two_instruments_are_told_apart_by_nothing_but_their_tones(separated: Separation) -> None:
    assert min(si_sdr(separated, duo()).values()) > 7


def test_the_start_that_explains_the_spectra_best_is_used(separated: Separation) -> None:
    likelihoods = separated.provenance.traces["log-likelihood by start"]
    assert len(likelihoods) == FAST["starts"]
    assert np.isfinite(likelihoods).all()
    assert len(set(likelihoods)) == len(likelihoods)
    assert len(separated.provenance.traces["cost"]) == FAST["iterations"]


def test_what_was_found_is_a_factorisation_that_can_be_drawn(separated: Separation) -> None:
    variables = separated.variables
    assert variables is not None
    templates, activations = variables.values[Domain.TEMPLATES], variables.values[Domain.ACTIVATIONS]
    assert {atom.source for atom in variables.layout.atoms or ()} == {"a", "b"}
    assert templates.min() >= 0
    assert activations.max() > 0
    # At most one tone of each instrument at a time.
    for source in ("a", "b"):
        of_source = [atom.source == source for atom in variables.layout.atoms or ()]
        assert ((activations[of_source] > 0).sum(axis=0) <= 1).all()
    separated.plot_factors()


def test_the_notes_that_were_found_are_those_that_were_played(separated: Separation) -> None:
    score = separated.score
    assert sorted(score.parts) == ["a", "b"]
    rng = np.random.default_rng(0)
    played = {
        "full": rng.choice([62, 64, 65, 67, 69, 71], 8),
        "odd": rng.choice([69, 70, 72, 74, 76, 77], 8),
    }
    assignment = evaluate(separated, duo(), metrics=["si-sdr"], permute=True).assignment
    for name, pitches in played.items():
        notes = score.part(assignment[name]).notes
        right = 0
        for index, pitch in enumerate(pitches):
            middle = 0.4 * index + 0.2
            right += any(note.onset_s < middle < note.offset_s and abs(note.pitch - pitch) < 0.5 for note in notes)
        assert right >= 6


@pytest.mark.slow
def test_examples_tell_which_name_is_whose() -> None:
    stems, alone = duo(notes=4), duo(seed=7, notes=2)
    mixture, config = mixed(*stems.values()), {**FAST, "starts": 1, "iterations": 40, "settle": 15}
    # The order of loudness, which is that without examples, is the other one for one of these.
    assignments = []
    for sources in (["odd", "full"], ["full", "odd"]):
        separation = separate(mixture, "sparse-pursuit", sources=sources, examples=alone, config=config, seed=1)
        assert list(separation) == sources
        assignments.append(evaluate(separation, stems, metrics=["si-sdr"], permute=True).assignment)
    assert assignments == [{"odd": "odd", "full": "full"}] * 2


def test_names_without_examples_go_to_the_loudest_first() -> None:
    dictionary = np.array([[1, 0.1, 0.0], [0.5, 1, 0.5], [0.1, 0.2, 1]])
    loudness = np.array([1.0, 3.0, 2.0])
    names, known = ("a", "b", "c"), {"b": np.array([0.4, 1, 0.6])}
    assert instruments_of_names(names, dictionary, loudness, {}).tolist() == [1, 2, 0]
    assert instruments_of_names(names, dictionary, loudness, known).tolist() == [2, 1, 0]
    # Both are most like the second; as a whole they are most like this.
    both = {"a": np.array([0.4, 1, 0.6]), "b": np.array([0.2, 1, 0.9])}
    assert instruments_of_names(names, dictionary, loudness, both).tolist() == [1, 2, 0]


def test_the_dictionary_of_one_recording_separates_another_of_the_same_instruments(
    separated: Separation, tmp_path: Path
) -> None:
    """Its stems have the names that they had there, without any learning."""
    separated.write(tmp_path)
    stems = duo(seed=5)
    options = {name: FAST[name] for name in ("window_s", "harmonics")}
    other = separate(mixed(*stems.values()), "sparse-pursuit", weights=tmp_path, config=options)
    assert list(other) == ["a", "b"]
    assert "cost" not in other.provenance.traces
    assignment = evaluate(separated, duo(), metrics=["si-sdr"], permute=True).assignment
    named = {true: other[name] for true, name in assignment.items()}
    assert min(evaluate(named, stems, metrics=["si-sdr"]).values["SI-SDR"].values()) > 6


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (None, "No such file"),
        ("{", "no dictionary of harmonics"),
        ('{"method": "nmf", "sources": ["a"], "traces": {"harmonics of a": [1, 1]}}', "no dictionary of harmonics"),
        ('{"method": "sparse-pursuit", "sources": ["a"], "traces": {}}', "no dictionary of harmonics"),
        ('{"method": "sparse-pursuit", "sources": ["a"], "traces": {"harmonics of a": [1, 2]}}', "no dictionary"),
        ('{"method": "sparse-pursuit", "sources": ["a"], "traces": {"harmonics of a": [0, 0]}}', "no or unequally"),
    ],
)
def test_folders_without_a_dictionary_are_no_weights(record: str | None, said: str, tmp_path: Path) -> None:
    if record is not None:
        (tmp_path / "separation.json").write_text(record, encoding="utf-8")
    with pytest.raises(WeightsError, match=said):
        separate(Audio(np.ones((1, 800), np.float32), 16_000), "sparse-pursuit", weights=tmp_path)


def test_drawn_tones_leave_all_else_to_the_residual() -> None:
    """Percussion is nothing that tones explain."""
    stems = duo(notes=4)
    rng = np.random.default_rng(2)
    length = stems["full"].length
    strokes = np.zeros(length)
    for onset in range(2000, length - 2000, 6400):
        strokes[onset : onset + 2000] = rng.normal(0, 0.3, 2000) * np.exp(-np.arange(2000) / 300)
    percussion = Audio(strokes.astype(np.float32)[np.newaxis], 16_000)
    mixture = mixed(*stems.values(), percussion)
    separation = separate(mixture, "sparse-pursuit", config={**FASTEST, "resynthesis": "tones"})
    residual, strokes = separation.residual.samples[0], percussion.samples[0]
    correlation = residual @ strokes / np.linalg.norm(residual) / np.linalg.norm(strokes)
    drawn = np.sum([stem.samples[0] for stem in separation.values()], axis=0)
    assert correlation > 0.3
    assert correlation > 2 * abs(drawn @ strokes / np.linalg.norm(drawn) / np.linalg.norm(strokes))


def test_silence_is_said_to_be_silent() -> None:
    separation = separate(Audio(np.zeros((1, 8000), np.float32), 16_000), "sparse-pursuit", config=FASTEST)
    assert list(separation) == ["instrument1", "instrument2"]
    assert all(not stem.samples.any() for stem in separation.values())
    assert any("silent" in remark for remark in separation.provenance.remarks)


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(8_000, 1, 1.0), (96_000, 2, 1.0), (22_050, 1, 0.05)], ids=str
)
def test_any_rate_channels_and_length_will_do(rate: int, channels: int, seconds: float) -> None:
    time = np.arange(int(rate * seconds)) / rate
    tone = np.sum([0.1 / h * np.sin(2 * np.pi * 330 * h * time) for h in range(1, 6)], axis=0).astype(np.float32)
    separation = separate(Audio(np.tile(tone, (channels, 1)), rate), "sparse-pursuit", config=FASTEST)
    for stem in separation.values():
        assert stem.samples.shape == (channels, len(tone))
        assert np.isfinite(stem.samples).all()


def test_of_two_instruments_where_one_plays_both_sum_to_it() -> None:
    stems = duo(notes=4)
    separation = separate(stems["full"], "sparse-pursuit", config=FAST | {"iterations": 20, "settle": 10, "starts": 1})
    residual = separation.residual.samples
    assert np.linalg.norm(residual) < 0.2 * np.linalg.norm(stems["full"].samples)


def test_the_number_of_instruments_is_that_of_the_sources() -> None:
    stems = duo(notes=2)
    separation = separate(mixed(*stems.values()), "sparse-pursuit", sources=["x", "y", "z"], config=FASTEST)
    assert list(separation) == ["x", "y", "z"]
    unnamed = separate(mixed(*stems.values()), "sparse-pursuit", config={**FASTEST, "instruments": 1})
    assert list(unnamed) == ["instrument1"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"iterations": 5, "prune_every": 10}, "before any instrument is chosen"),
        ({"high_hz": 300.0, "low_hz": 200.0}, "an octave above low_hz"),
    ],
)
def test_options_that_cannot_be_met_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        separate(Audio(np.ones((1, 100), np.float32), 16_000), "sparse-pursuit", config=options)


def test_a_recording_without_room_above_the_lowest_frequency_is_refused() -> None:
    with pytest.raises(ConfigError, match="low_hz=200 leaves no octave"):
        separate(Audio(np.ones((1, 100), np.float32), 600), "sparse-pursuit", config=FASTEST | {"low_hz": 200})


def test_progress_names_what_is_done_and_cancel_ends_it() -> None:
    stages: list[str] = []
    cancel = threading.Event()

    def reporter(progress: Progress) -> None:
        stages.append(progress.stage)
        if progress.stage.startswith("learn") and progress.done == 2:
            cancel.set()

    with pytest.raises(Cancelled):
        separate(mixed(*duo(notes=2).values()), "sparse-pursuit", config=FASTEST, reporter=reporter, cancel=cancel)
    assert list(dict.fromkeys(stages)) == ["log spectrogram", "learn"]


def test_how_long_it_will_take_is_told_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepkit_sparse_pursuit.duration.WORTH_TELLING_S", 0)
    mixture, stages = mixed(*duo(notes=2).values()), dict[str, None]()
    told = separate(
        mixture, "sparse-pursuit", config=FASTEST, reporter=lambda progress: stages.update({progress.stage: None})
    )
    assert any(re.fullmatch(r"learn, about \d+ min with what follows", stage) for stage in stages)
    monkeypatch.undo()
    untold = separate(mixture, "sparse-pursuit", config=FASTEST)
    for name, stem in told.items():
        np.testing.assert_array_equal(stem.samples, untold[name].samples)
