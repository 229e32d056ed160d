"""The separator as users meet it: through `sepkit.separate`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Domain, Label, Labels, Note, Score, Separation, example, large
from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.errors import ConfigError, SideInformationError
from sepkit.music import midi_to_hz
from sepkit_nae import NAEConfig

SHARED = Path(__file__).parents[4] / "shared" / "data"
RATE = 8000
RULES = ("multiplicative", "projected", "relu")
SCORE = Score(
    tuple(
        Note(onset_s, onset_s + 0.4, pitch, part=part)
        for part, pitches in {"high": (72, 76, 74, 79), "low": (48, 55, 48, 52)}.items()
        for onset_s, pitch in zip((0.1, 0.5, 1.0, 1.5), pitches, strict=True)
    )
)


def tone(note: Note, length: int) -> NDArray[np.float64]:
    """Partials of one over their number while the note lasts."""
    t = np.arange(length) / RATE
    sounding = np.clip((t - note.onset_s) / 0.02, 0, 1) * np.clip((note.offset_s - t) / 0.02, 0, 1)
    partials = np.arange(1, int(RATE / 2 / midi_to_hz(note.pitch)) + 1)[:, np.newaxis]
    waves = np.sin(2 * np.pi * partials * midi_to_hz(note.pitch) * t + partials) / partials
    return np.asarray(0.1 * sounding * waves.sum(axis=0))


@pytest.fixture(scope="module")
def stems() -> dict[str, Audio]:
    parts = {part: sum(tone(note, 2 * RATE) for note in SCORE.part(part).notes) for part in SCORE.parts}
    return {part: Audio(np.asarray(samples)[np.newaxis], RATE) for part, samples in parts.items()}


@pytest.fixture(scope="module")
def mixture(stems: dict[str, Audio]) -> Audio:
    return Audio(stems["high"].samples + stems["low"].samples, RATE)


def separate(mixture: Audio, *, score: Score | None = SCORE, **given: Any) -> Separation:
    return sepkit.separate(mixture, "nae", score=score, **given)


def sdr(reference: Audio, estimate: Audio) -> float:
    truth = reference.samples.astype(np.float64)
    return float(10 * np.log10(np.sum(truth**2) / np.sum((truth - estimate.samples) ** 2)))


@pytest.mark.parametrize("rule", RULES)
def test_parts_of_a_score_come_apart(mixture: Audio, stems: dict[str, Audio], rule: str) -> None:
    separation = separate(mixture, config={"rule": rule})
    assert separation.sources == SCORE.parts
    for name, truth in stems.items():
        assert sdr(truth, separation[name]) > sdr(truth, mixture) + 10, name


def test_options_beyond_two_layers_work_together(mixture: Audio, stems: dict[str, Audio]) -> None:
    config = {"rule": "relu", "encoder_hidden": [32, 16], "decoder_hidden": [16], "context_frames": 2, "beta": 2}
    separation = separate(mixture, config=config)
    for name, truth in stems.items():
        assert sdr(truth, separation[name]) > sdr(truth, mixture) + 6, name


@pytest.mark.slow
@pytest.mark.parametrize("track", ["urmp/01_jupiter", "render/chorale_bwv253"])
def test_recordings_come_apart_about_as_well_as_by_score_informed_factorisation(track: str) -> None:
    folder = SHARED / track
    if not folder.is_dir():
        pytest.skip(f"needs the recordings in {SHARED}")
    stems = {path.stem: Audio.read(path) for path in sorted((folder / "stems").iterdir())}
    ours, theirs = (
        sepkit.separate(folder / "mixture.flac", method, score=folder / "score.mid", sources=list(stems))
        for method in ("nae", "score-nmf")
    )
    for name, truth in stems.items():
        assert sdr(truth, ours[name]) > sdr(truth, theirs[name]) - 1, name


# Constraints and priors


@pytest.mark.parametrize("rule", RULES)
def test_a_score_brings_the_constraints_that_nmf_uses(mixture: Audio, rule: str) -> None:
    separation = separate(mixture, config={"rule": rule, "iterations": 5}, keep_variables=True)
    kept = separation.variables
    assert kept is not None
    templates, activations = kept.values[Domain.TEMPLATES], kept.values[Domain.ACTIVATIONS]
    assert HarmonicConstraint().bind(kept.layout, Domain.TEMPLATES).violation(templates) == 0
    assert ScoreConstraint().bind(kept.layout, Domain.ACTIVATIONS).violation(activations) == 0
    assert (activations.max(axis=1) > 0).all()


def test_what_the_caller_says_of_score_and_partials_goes_before(mixture: Audio) -> None:
    config = {"iterations": 5}
    given = [ScoreConstraint(before_s=0, after_s=0.5), "harmonic:cents=200"]
    separation = separate(mixture, config=config, constraints=given, keep_variables=True)
    assert [one["violation"] for one in separation.provenance.constraints] == [0, 0]
    kept = separation.variables
    assert kept is not None
    wide = HarmonicConstraint(cents=200).bind(kept.layout, Domain.TEMPLATES)
    narrow = HarmonicConstraint().bind(kept.layout, Domain.TEMPLATES)
    templates = kept.values[Domain.TEMPLATES]
    assert wide.violation(templates) == 0 < narrow.violation(templates)
    late = ScoreConstraint().bind(kept.layout, Domain.ACTIVATIONS)
    assert late.violation(kept.values[Domain.ACTIVATIONS]) > 0


def test_priors_are_weighed_in_and_the_cost_never_rises(mixture: Audio) -> None:
    priors = ["continuity", "sparsity:weight=10", "harmonic-templates:weight=1000"]
    separation = separate(mixture, priors=priors)
    costs = separation.provenance.traces["cost"]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in itertools.pairwise(costs))
    assert not np.array_equal(separation["low"].samples, separate(mixture)["low"].samples)


# Sources


def test_without_chords_its_window_is_longer_beside_a_score(mixture: Audio) -> None:
    def bins(**given: Any) -> int:
        variables = separate(mixture, keep_variables=True, **given).variables
        assert variables is not None
        return len(variables.values[Domain.TEMPLATES])

    chord = Score((*SCORE.notes, *(Note(note.onset_s, note.offset_s, 60, part="high") for note in SCORE.notes)))
    short = {"config": {"iterations": 2}}
    assert bins(**short) == 513
    assert bins(score=chord, **short) == bins(score=None, **short) == 257
    assert bins(config={"iterations": 2, "window_s": 0.032}) == 129


def test_parts_that_nobody_asked_for_are_modelled_all_the_same(mixture: Audio) -> None:
    alone, both = separate(mixture, sources=["low"]), separate(mixture, sources=["low", "high"])
    assert alone.sources == ("low",)
    np.testing.assert_allclose(alone["low"].samples, both["low"].samples, atol=1e-4)


def test_sources_without_notes_get_free_atoms(mixture: Audio) -> None:
    rng = np.random.default_rng(0)
    beats = 0.2 * rng.standard_normal(mixture.length) * (np.arange(mixture.length) % (RATE // 4) < 200)
    drums = Audio(beats[np.newaxis].astype(np.float32), RATE)
    full = Audio(mixture.samples + drums.samples, RATE)
    separation = separate(full, sources=["drums", "high", "low"])
    assert sdr(drums, separation["drums"]) > sdr(drums, full) + 5


def test_without_a_score_atoms_are_stems_or_are_grouped(mixture: Audio) -> None:
    config = {"rank": 6, "iterations": 20}
    alone = separate(mixture, score=None, config=config)
    assert alone.sources == tuple(f"component-{index}" for index in range(1, 7))
    grouped = separate(mixture, score=None, config=config, sources=["a", "b"])
    for separation in (alone, grouped):
        total = sum(stem.samples for stem in separation.values())
        np.testing.assert_allclose(total, mixture.samples, atol=1e-5)
    with pytest.raises(ConfigError, match="7 sources need an option rank of at least 7, given 6"):
        separate(mixture, score=None, config=config, sources=list("abcdefg"))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", [0, 1])
def test_without_a_score_every_rule_explains_the_mixture(mixture: Audio, rule: str, seed: int) -> None:
    noise = Audio(np.random.default_rng(seed).normal(0, 0.1, (1, RATE)).astype(np.float32), RATE)
    for given in (mixture, noise):
        separation = separate(given, score=None, sources=["a", "b"], config={"rule": rule}, seed=seed)
        costs = separation.provenance.traces["cost"]
        # Silent stems, which the rules of Adam once ended at, are far above the start.
        assert costs[-1] < 0.9 * costs[0] if given is mixture else costs[-1] < costs[0]
        left_over = np.mean(separation.residual.samples**2)
        assert left_over < 0.01 * np.mean(given.samples**2)


def test_without_a_score_the_seed_matters(mixture: Audio) -> None:
    def drawn(seed: int) -> bytes:
        config = {"rank": 4, "iterations": 2}
        return separate(mixture, score=None, config=config, sources=["a", "b"], seed=seed)["a"].samples.tobytes()

    assert drawn(0) == drawn(0) != drawn(1)


# What can go wrong


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("samples", [np.zeros((1, 4000)), np.ones((1, 1)), np.zeros((2, 1))])
def test_silence_and_single_samples_survive(samples: NDArray[np.float64], rule: str) -> None:
    config = {"rule": rule, "iterations": 5, "beta": 0.5}
    mixture = Audio(samples.astype(np.float32), RATE)
    separation = separate(mixture, config=config, sources=["high", "low", "rest"])
    total = sum(stem.samples for stem in separation.values()) + separation.residual.samples
    np.testing.assert_allclose(total, samples, atol=1e-6)


def test_notes_after_the_recordings_end_are_remarked_on(mixture: Audio) -> None:
    late = Score((*SCORE.notes, Note(3, 4, 60, part="low")))
    assert separate(mixture, score=late, config={"iterations": 1}).provenance.remarks == (
        "1 of 9 notes lie after the recording's end at 2.0 s, the first at 3.0 s",
    )


@pytest.mark.parametrize(
    ("score", "sources", "words"),
    [
        (SCORE, ["piano"], "and none of the sources"),
        (Score((Note(0, 1, 60),)), [], "belong to no part"),
    ],
    ids=["strangers", "nameless"],
)
def test_scores_that_cannot_be_used_are_named(mixture: Audio, score: Score, sources: list[str], words: str) -> None:
    with pytest.raises(SideInformationError, match=words):
        separate(mixture, score=score, sources=sources)


def test_hidden_layers_need_relus() -> None:
    with pytest.raises(ValueError, match="hidden layers need rule relu, given multiplicative"):
        NAEConfig(encoder_hidden=(8,))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("rule", RULES)
def test_an_accelerator_gives_the_same_stems(rule: str) -> None:
    piece = example.load("piano")
    config = {"rule": rule, "iterations": 20}
    on_cpu, on_cuda = (
        sepkit.separate(piece.mixture, "nae", score=piece.score, config=config, device=device)
        for device in ("cpu", "cuda")
    )
    assert on_cuda.provenance.device == "cuda"
    for name, stem in on_cpu.items():
        assert sdr(stem, on_cuda[name]) > 40, name


def test_labels_name_the_sources_and_silence_them_where_they_rest() -> None:
    rate, time_s = 8000, np.arange(16000) / 8000
    low = 0.1 * np.sin(2 * np.pi * 220 * time_s) * (time_s < 1.2)
    high = 0.1 * np.sin(2 * np.pi * 1000 * time_s) * (time_s > 0.8)
    labels = Labels((Label(0, 1.2, "low"), Label(0.8, 2, "high")))
    mixture = Audio((low + high)[np.newaxis], rate)
    config = {"rank": 2, "iterations": 30, "window_s": 0.032}
    found = sepkit.separate(mixture, "nae", labels=labels, config=config)
    assert found.sources == ("low", "high")
    for name, stem in (("low", low), ("high", high)):
        error = np.sum(np.square(found[name].samples[0] - stem))
        assert 10 * np.log10(np.sum(np.square(stem)) / error) > 10
    assert not found["low"].samples[:, round(1.5 * rate) :].any()


@pytest.mark.parametrize("rule", RULES)
def test_arrays_that_are_mapped_from_files_give_the_same_bytes(mixture: Audio, rule: str) -> None:
    def separated() -> list[bytes]:
        return [stem.samples.tobytes() for stem in separate(mixture, config={"rule": rule, "iterations": 5}).values()]

    in_memory = separated()
    with large.mapped_beyond(0):
        assert separated() == in_memory
