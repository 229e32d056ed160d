"""What every run tells of what was given and of its result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, F0Track, Note, Registry, Run, Score, SideInformation, separate
from sepkit.errors import PluginError
from sepkit.plugin import SeparatorSpec
from sepkit.solving.telling import remarks_on_known, remarks_on_result
from tests import fakes
from tests.zoo import exhibits

MIXTURE = Audio(np.random.default_rng(0).normal(0, 0.1, (1, 1000)), 8000)
STEMS = {"voice": MIXTURE, "bass": MIXTURE}
SILENCE = Audio(np.zeros((1, 1000), np.float32), 8000)


def told(*names: str, traits: tuple[str, ...] = (), stems: dict[str, Audio] = STEMS, run: Run | None = None) -> str:
    spec = fakes.spec("fake", "Shares", traits=frozenset(traits))
    return "\n".join(remarks_on_result(spec, MIXTURE, names, stems, run or Run()))


def test_of_an_ordinary_result_nothing_is_told() -> None:
    assert told("voice", "bass") == told() == ""


def test_arbitrary_names_are_told_each_time_that_names_are_asked_for() -> None:
    remark = told("voice", "bass", traits=("arbitrary-names",))
    assert remark.startswith("which stem is called voice or bass is arbitrary")
    assert "'fake'" in remark
    assert told(traits=("arbitrary-names",)) == ""
    # There is nothing to mistake it for.
    assert told("voice", traits=("arbitrary-names",)) == ""


def test_of_sources_that_were_identified_nothing_is_told() -> None:
    run = Run()
    run.identify(["voice"])
    assert told("voice", "bass", traits=("arbitrary-names",), run=run) == ""
    remark = told("voice", "bass", "organ", traits=("arbitrary-names",), run=run)
    assert remark.startswith("which stem is called bass or organ is arbitrary")


def test_many_names_are_not_all_listed() -> None:
    remark = told(*(f"source {number}" for number in range(100)), traits=("arbitrary-names",))
    assert "source 3 or 96 more is arbitrary" in remark


def test_synthesis_is_told() -> None:
    assert "synthesised" in told("voice", "bass", traits=("synthesises",))
    with pytest.raises(PluginError, match="exclude each other"):
        fakes.spec("fake", "Shares", traits=frozenset({"synthesises", "sums-to-mixture"}))


def test_silent_stems_are_told_where_the_mixture_is_not_silent() -> None:
    faint = Audio(MIXTURE.samples * np.float32(1e-7), 8000)
    assert told(stems={"voice": SILENCE, "bass": MIXTURE}) == "voice is silent throughout"
    assert told(stems={"a": faint, "b": SILENCE, "c": MIXTURE}) == "a and b are silent throughout"
    assert told(stems={"a": faint, "b": SILENCE}).startswith("all stems are silent, and the mixture is not")
    assert told(stems={"a": SILENCE}, traits=("yardstick",)) == ""
    spec = fakes.spec("fake", "Shares")
    assert remarks_on_result(spec, SILENCE, (), {"a": SILENCE}, Run()) == ()


@pytest.mark.parametrize(
    ("costs", "remark"),
    [
        ((), ""),
        ((3.0,), ""),
        ((3.0, 4.0, 2.5), ""),
        ((3.0, 3.0), ""),
        ((0.5, 0.1, 70000.0), "the cost rose from 0.5 to 7e+04"),
        ((0.5, np.nan), "the cost rose from 0.5 to no finite number"),
    ],
)
def test_a_cost_that_rose_is_told(costs: tuple[float, ...], remark: str) -> None:
    run = Run()
    run.trace("cost", costs)
    run.trace("log density", [1.0, 2.0])
    assert told(run=run).partition(":")[0] == remark


def test_remarks_are_in_the_record_of_every_separation(registry: Registry) -> None:
    def remarks(**options: Any) -> tuple[str, ...]:
        registry.add(fakes.spec("told", "Shares", config=f"{fakes.__name__}:SharesConfig", **options))
        config = {"shares": (0.0, 0.0)}
        return separate(MIXTURE, "told", sources=["a", "b"], config=config, registry=registry).provenance.remarks

    said = remarks(traits=frozenset({"arbitrary-names"}))
    assert [remark.partition(":")[0].partition(",")[0] for remark in said] == [
        "which stem is called a or b is arbitrary",
        "all stems are silent",
    ]


def remarks_on(onsets_s: tuple[float, ...], duration_s: float) -> tuple[str, ...]:
    score = Score(tuple(Note(onset_s, onset_s + 1, 60, part="a") for onset_s in onsets_s))
    mixture = Audio(np.zeros((1, round(1000 * duration_s)), np.float32), 1000)
    return remarks_on_known(SideInformation(score), mixture)


def test_notes_that_begin_after_the_end_are_counted_and_others_are_not() -> None:
    assert remarks_on((0, 0.5, 2.5), 2.501) == ()
    assert remarks_on((0, 0.5, 2.5), 2.5) == (
        "1 of 3 notes lie after the recording's end at 2.5 s, the first at 2.5 s",
    )
    assert remarks_on((0, 0.5, 2.5), 0.5) == (
        "2 of 3 notes lie after the recording's end at 0.5 s, the first at 0.5 s",
    )


@pytest.mark.parametrize(
    ("first_s", "last_s", "told"), [(1, 3, False), (1.01, 4, True), (0, 2.99, True), (9, 9.5, True)]
)
def test_f0_that_leaves_out_more_than_a_second_at_an_end_is_told(first_s: float, last_s: float, told: bool) -> None:
    track = F0Track(np.array([first_s, last_s]), np.array([220.0, 220.0]))
    remarks = remarks_on_known(SideInformation(f0={"oboe": track}), Audio(np.zeros((1, 4000), np.float32), 1000))
    span = f"F0 of oboe is given from {first_s:.1f} to {last_s:.1f} s of a recording of 4.0 s: "
    assert remarks == ((span + "beyond that it counts as unvoiced",) if told else ())


def test_f0_in_milliseconds_or_frames_is_told() -> None:
    mixture = Audio(np.zeros((1, 4000), np.float32), 1000)
    for last_s, told in ((5.0, False), (5.1, True), (400.0, True)):
        track = F0Track(np.array([0, last_s]), np.array([220.0, 220.0]))
        remarks = remarks_on_known(SideInformation(f0={"oboe": track}), mixture)
        goes_on = f"F0 of oboe goes on until {last_s:.1f} s, and the recording ends at 4.0 s; give times in seconds"
        assert [remark.startswith(goes_on) for remark in remarks] == ([True] if told else [])


def test_an_example_that_is_the_mixture_is_told() -> None:
    other = Audio(MIXTURE.samples * np.float32(0.5), 8000)
    assert remarks_on_known(SideInformation(examples={"oboe": (other,), "horn": (SILENCE,)}), MIXTURE) == ()
    again = Audio(MIXTURE.samples.copy(), 8000)
    (remark,) = remarks_on_known(SideInformation(examples={"oboe": (other, again)}), MIXTURE)
    assert remark == "an example of oboe is the mixture itself; give recordings of oboe alone"


def test_a_single_stem_that_is_all_of_the_mixture_is_told() -> None:
    remark = told("voice", stems={"voice": MIXTURE})
    assert remark == "voice is all of the mixture; name what else sounds too, as in --sources voice,rest"
    assert told("voice", stems={"voice": MIXTURE}, traits=("yardstick",)) == ""
    assert told("voice", stems={"voice": Audio(MIXTURE.samples * np.float32(0.999), 8000)}) == ""
    separation = separate(MIXTURE, "nmf", sources=["vocals"], config={"iterations": 2})
    assert separation.provenance.remarks[-1].startswith("vocals is all of the mixture")


def test_what_lies_beside_a_region_and_within_the_recording_is_not_told() -> None:
    mixture = Audio(np.random.default_rng(0).normal(0, 0.1, (1, 32000)), 8000)
    score = Score((Note(0, 1, 60, part="a"), Note(1.2, 2, 62, part="a"), Note(3, 3.5, 64, part="a")))
    given: dict[str, Any] = {"score": score, "align": "never", "registry": Registry()}
    remarks = separate(mixture, "harmonic-comb", start_s=1, end_s=2, **given).provenance.remarks
    assert not any("lie after" in remark for remark in remarks)
    beyond = replace(mixture, samples=mixture.samples[:, :20000])
    (late,) = (
        remark
        for remark in separate(beyond, "harmonic-comb", start_s=1, end_s=2, **given).provenance.remarks
        if "lie after" in remark
    )
    assert late == "1 of 3 notes lie after the recording's end at 2.5 s, the first at 3.0 s"


def test_the_zoo_has_an_offender_for_each_trait_that_is_told() -> None:
    traits = {
        trait
        for exhibit in exhibits.EXHIBITS
        if isinstance(exhibit.spec, SeparatorSpec)
        for trait in exhibit.spec.traits
    }
    assert {"arbitrary-names", "synthesises"} <= traits
