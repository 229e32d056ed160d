"""The separator as users meet it: through `sepkit.separate`."""

from __future__ import annotations

import itertools
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Constraint, Domain, Layout, Note, Problem, Run, Score, SideInformation
from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.music import midi_to_hz
from sepkit.problem import Hosted
from sepkit.spectral import STFT
from sepkit_nmf import factorize
from sepkit_nmf.sharing import normalized
from sepkit_score_nmf import ScoreNMF, ScoreNMFConfig

# Folders with a hyphen have no name in import statements.
playing = import_module("plugins.score-nmf.tests.hands")
EXACT, RATE, SCORE, STIFFNESS, energy, sdr, separate, struck = (
    playing.EXACT,
    playing.RATE,
    playing.SCORE,
    playing.STIFFNESS,
    playing.energy,
    playing.sdr,
    playing.separate,
    playing.struck,
)

SHARED = Path(__file__).parents[4] / "shared" / "data"


def jittered(score: Score, seed: int = 5) -> Score:
    """Every note up to 50 ms early or late."""
    shifts = np.random.default_rng(seed).uniform(-0.05, 0.05, len(score.notes))
    onsets = [max(0.0, note.onset_s + shift) for note, shift in zip(score.notes, shifts, strict=True)]
    return Score(
        tuple(
            Note(onset_s, onset_s + note.offset_s - note.onset_s, note.pitch, part=note.part)
            for note, onset_s in zip(score.notes, onsets, strict=True)
        )
    )


def assert_hands_come_apart(
    mixture: Audio, score: Score, stems: dict[str, Audio], method: str = "score-nmf", **config: Any
) -> None:
    __tracebackhide__ = True
    oracle = sepkit.separate(mixture, "ideal-ratio-mask", references=stems)
    exact, off = (
        separate(mixture, one, sources=list(stems), method=method, config=config) for one in (score, jittered(score))
    )
    for name, truth in stems.items():
        assert sdr(truth, exact[name]) > sdr(truth, oracle[name]) - 6, name
        assert sdr(truth, exact[name]) > sdr(truth, mixture) + 3, name
        assert sdr(truth, off[name]) > sdr(truth, exact[name]) - 0.5, name


@pytest.mark.parametrize(
    ("method", "config"),
    [
        ("score-nmf", {"inharmonicity": STIFFNESS}),
        ("score-nmf", {"inharmonicity": STIFFNESS, "transients": True}),
        ("score-nmf-tutorial", {}),
    ],
    ids=["partials", "transients", "tutorial"],
)
def test_hands_of_a_stiff_piano_come_apart(
    mixture: Audio, stems: dict[str, Audio], method: str, config: dict[str, Any]
) -> None:
    assert_hands_come_apart(mixture, SCORE, stems, method, **config)


@pytest.mark.slow
def test_hands_of_a_rendered_piano_come_apart() -> None:
    folder = SHARED / "render" / "piano_hands_chopin_op10_no3_p01"
    if not folder.is_dir():
        pytest.skip(f"needs the recordings in {SHARED}")
    stems = {path.stem: Audio.read(path) for path in sorted((folder / "stems").iterdir())}
    assert_hands_come_apart(Audio.read(folder / "mixture.flac"), Score.read(folder / "score.mid"), stems)


def test_to_know_of_the_stiffness_helps(mixture: Audio, stems: dict[str, Audio]) -> None:
    exact, stiff = (separate(mixture, config={"cents": 20, "inharmonicity": b}) for b in (0.0, STIFFNESS))
    assert all(sdr(truth, stiff[name]) > sdr(truth, exact[name]) for name, truth in stems.items())


# Zeros, masks and sums


@pytest.mark.parametrize("unexplained", ["residual", "share"])
def test_a_part_is_silent_while_none_of_its_notes_sound(mixture: Audio, unexplained: str) -> None:
    score = Score((Note(1.0, 2.0, 60, part="left"), Note(0.0, 8.0, 60, part="right")))
    config = {"window_s": 0.032, "unexplained": unexplained}
    tolerances = ["score:before_s=0.1,after_s=0.2"]
    left = separate(mixture, score, config=config, constraints=tolerances)["left"].samples[0]
    first, stop = int((0.9 - 0.016) * RATE), int((2.2 + 0.016) * RATE)
    assert not left[:first].any()
    assert energy(left[first:stop]) > 0
    # What is shared rings on, ever softer.
    if unexplained == "residual":
        assert not left[stop:].any()
    assert energy(left[stop + RATE // 2 :]) < 1e-6 * energy(left[first:stop])


def test_a_part_has_no_energy_away_from_its_partials() -> None:
    noise = Audio(np.random.default_rng(0).standard_normal((1, 8 * RATE)), RATE)
    (stem,) = separate(noise, Score((Note(0, 8, 72, part="high"),)), config={"cents": 50, "window_s": 0.128}).values()
    power = np.abs(np.fft.rfft(stem.samples[0] * np.hanning(stem.length))) ** 2
    f0_hz, bins_hz = float(midi_to_hz(72)), np.fft.rfftfreq(stem.length, 1 / RATE)
    number = np.maximum(1, np.rint(bins_hz / f0_hz))
    # 50 cents, and on either side the width of the window's own main lobe.
    near = np.abs(bins_hz - number * f0_hz) < 0.03 * number * f0_hz + 3 / 0.128
    assert near.mean() < 0.9
    assert power[~near].mean() < 1e-4 * power[near].mean()


@pytest.mark.parametrize("exponent", [1.0, 2.0])
@pytest.mark.parametrize("unexplained", ["residual", "share"])
def test_stems_and_residual_sum_to_the_mixture(mixture: Audio, unexplained: str, exponent: float) -> None:
    separation = separate(mixture, config={"unexplained": unexplained, "mask_exponent": exponent})
    total = sum(stem.samples for stem in separation.values()) + separation.residual.samples
    assert energy(total - mixture.samples) < 1e-12 * energy(mixture.samples)
    left_over = energy(separation.residual.samples) / energy(mixture.samples)
    assert (left_over > 1e-3) == (unexplained == "residual")


def test_shared_out_nothing_is_left_wherever_a_note_sounds() -> None:
    noise = Audio(np.random.default_rng(0).standard_normal((1, 3 * RATE)), RATE)
    score = Score((Note(1.0, 1.5, 60, part="a"), Note(1.2, 2.0, 67, part="b")))
    config = {"unexplained": "share", "window_s": 0.032}
    residual = separate(noise, score, config=config, constraints=EXACT).residual.samples[0]
    inside = slice(int((1.0 + 0.016) * RATE), int((2.0 - 0.032) * RATE))
    assert energy(residual[inside]) < 1e-10 * energy(noise.samples[0, inside])
    outside = slice(0, int((1.0 - 0.032) * RATE))
    np.testing.assert_allclose(residual[outside], noise.samples[0, outside], atol=1e-6)
    # What rings on belongs to the note that sounded last.
    after = slice(int(2.05 * RATE), int(2.5 * RATE))
    assert energy(residual[after]) < 1e-10 * energy(noise.samples[0, after])
    stems = separate(noise, score, config=config, constraints=EXACT)
    assert energy(stems["b"].samples[0, after]) > 2 * energy(stems["a"].samples[0, after])


def test_what_no_note_explains_is_shared_where_it_is_little(mixture: Audio, stems: dict[str, Audio]) -> None:
    little = separate(mixture)
    assert not any("no note has a partial" in remark for remark in little.provenance.remarks)
    kept = separate(mixture, config={"unexplained": "residual"})
    assert energy(little.residual.samples) < 0.5 * energy(kept.residual.samples)
    assert sum(sdr(stem, little[name]) for name, stem in stems.items()) > sum(
        sdr(stem, kept[name]) for name, stem in stems.items()
    )
    # Of two notes the low partials leave room for noise.
    score = Score((Note(0.1, 1.9, 60, part="a"), Note(0.1, 1.9, 67, part="b")))
    noise = Audio(0.1 * np.random.default_rng(0).standard_normal((1, 2 * RATE)), RATE)
    much, asked = separate(noise, score), separate(noise, score, config={"unexplained": "residual"})
    assert any("no note has a partial" in remark for remark in much.provenance.remarks)
    assert much["a"].samples.tobytes() == asked["a"].samples.tobytes()


@pytest.mark.parametrize("unexplained", ["residual", "share"])
def test_a_note_that_both_play_at_once_counts_once(unexplained: str) -> None:
    notes = [Note(0.0, 2.0, 60, part=part) for part in ("left", "right")]
    sound = Audio(struck(notes[0], 2 * RATE, np.random.default_rng(0))[np.newaxis], RATE)
    separation = separate(sound, Score(tuple(notes)), config={"unexplained": unexplained, "inharmonicity": STIFFNESS})
    np.testing.assert_allclose(separation["left"].samples, separation["right"].samples, atol=1e-6)
    both = Audio(separation["left"].samples + separation["right"].samples, RATE)
    assert sdr(sound, both) > 15
    assert energy(both.samples) <= energy(sound.samples) * (1 + 1e-6)


def test_the_larger_the_exponent_the_less_is_shared(mixture: Audio) -> None:
    overlaps = []
    for exponent in (0.5, 1, 2, 5):
        left, right = (stem.samples[0] for stem in separate(mixture, config={"mask_exponent": exponent}).values())
        overlaps.append(float(np.vdot(left, right)))
    assert overlaps == sorted(overlaps, reverse=True)
    assert overlaps[-1] < 0.8 * overlaps[0]


class Lift(Constraint):
    """Nothing may be zero: no `Support`, and at odds with the score."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.ACTIVATIONS, Domain.TEMPLATES})

    def bind(self, layout: Layout, domain: Domain) -> Any:
        return self

    def project(self, value: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.maximum(value, 0.1)

    def violation(self, value: NDArray[np.floating]) -> float:
        return float(np.mean(value < 0.1))


@pytest.mark.parametrize("domain", [Domain.ACTIVATIONS, Domain.TEMPLATES], ids=str)
def test_a_projection_cannot_fill_what_is_zero(mixture: Audio, domain: Domain) -> None:
    hosted = Problem(
        Audio(mixture.samples[:, : 2 * RATE], RATE),
        side_information=SideInformation(score=Score((Note(1.0, 1.5, 72, part="a"), Note(1.2, 1.5, 79, part="b")))),
        constraints=(
            Hosted(ScoreConstraint(before_s=0, after_s=0), Domain.ACTIVATIONS, "score"),
            Hosted(HarmonicConstraint(), Domain.TEMPLATES, "harmonic"),
            Hosted(Lift(), domain, "lift"),
        ),
    )
    run = Run()
    stems = ScoreNMF(ScoreNMFConfig()).separate(hosted, run)
    assert run.violations["lift"] > 0
    assert all(not stem.samples[:, : int(0.9 * RATE)].any() for stem in stems.values())
    spectrum = STFT(2048, 512).magnitude(stems["a"].samples[0])
    # Below the first partial, in the middle of its note.
    assert spectrum[:40].max() < 0.01 * spectrum.max()


def test_by_the_level_of_its_other_notes_a_part_is_heard_in_a_unison() -> None:
    pitches = {"loud": (60, 64, 67, 62), "soft": (72, 64, 55, 76)}
    notes = [Note(n, n + 0.9, pitch, part=part) for part in pitches for n, pitch in enumerate(pitches[part])]
    stems = {part: np.zeros(4 * RATE) for part in pitches}
    t = np.arange(int(0.9 * RATE)) / RATE
    for note in notes:
        loudness = 0.1 if note.part == "loud" else 0.05
        partials = [np.sin(2 * np.pi * m * float(midi_to_hz(note.pitch)) * t + m) / m for m in range(1, 9)]
        first = int(note.onset_s * RATE)
        stems[str(note.part)][first : first + len(t)] += loudness * np.sum(partials, axis=0)
    mixture = Audio(sum(stems.values())[np.newaxis].astype(np.float32), RATE)
    start = RATE + 1000
    unison = slice(start, start + len(t) - 2000)
    ratios = {}
    for shared_level in (0, 0.3):
        found = separate(mixture, Score(tuple(notes)), config={"shared_level": shared_level})
        loud, soft = (np.sqrt(np.mean(np.square(found[part].samples[0, unison]))) for part in pitches)
        ratios[shared_level] = loud / soft
    # The softer part of a unison all but vanishes: the other one's template is fitted the better the louder it is.
    assert ratios[0] > 300
    assert ratios[0.3] < 0.5 * ratios[0]


def test_order_and_repetition_of_notes_change_nothing(mixture: Audio) -> None:
    notes = [SCORE.notes[index] for index in np.random.default_rng(0).permutation(len(SCORE.notes))]
    one, other = separate(mixture), separate(mixture, Score((*notes, *notes[:10])))
    assert one.sources == other.sources
    for name in one:
        assert one[name].samples.tobytes() == other[name].samples.tobytes()


def test_covered_by_notes_it_is_plain_factorisation(mixture: Audio) -> None:
    # Partials of notes this low are closer than bins, so that their templates have no zeros; nor have activations.
    score = Score(tuple(Note(0, 20, pitch, part="all") for pitch in (0, 2, 3.5, 7)))
    config = {"window_s": 0.032, "iterations": 30, "tolerance": 0, "shared_envelope": 0, "shared_level": 0}
    config["inharmonicity"] = 0
    weightless = ["continuity:weight=0", "lobes:weight=0"]
    wide = ["score:before_s=1"]
    found = separate(mixture, score, config=config, priors=weightless, constraints=wide).provenance.traces["cost"]
    V = normalized(STFT.of_duration(0.032, 4, RATE).magnitude(mixture.samples[0]))
    bins_hz = np.arange(len(V)) * RATE / 512
    f0_hz = midi_to_hz([0, 2, 3.5, 7])
    number = np.maximum(1, np.rint(bins_hz[:, np.newaxis] / f0_hz))
    reach_hz = np.maximum(number * f0_hz * (2 ** (50 / 1200) - 1), 2 * RATE / 512)
    W = np.cos(np.pi / 2 * np.abs(bins_hz[:, np.newaxis] - number * f0_hz) / reach_hz) ** 2 / number
    plain = factorize(V, W, np.ones((4, V.shape[1])), max_iterations=30, tolerance=0)
    np.testing.assert_allclose(found, plain.costs, rtol=1e-4)
    assert plain.costs[-1] < 0.7 * plain.costs[0]


@pytest.mark.parametrize("beta", [0, 0.5, 1, 1.5, 2, 3])
def test_cost_falls_for_every_divergence(mixture: Audio, beta: float) -> None:
    short = Audio(mixture.samples[:, : 2 * RATE], RATE)
    config = {"beta": beta, "iterations": 30, "tolerance": 0, "transients": True}
    cost = separate(short, config=config).provenance.traces["cost"]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in itertools.pairwise(cost))
    assert cost[-1] < cost[0]
