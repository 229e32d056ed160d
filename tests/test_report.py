"""The report: statistics, what is shown of them, and that names of strangers do nothing in it."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Audio
from sepkit.evaluation.benchmarking.excerpt import LONGEST_S, Excerpt
from sepkit.evaluation.benchmarking.formats import cell, factor, number
from sepkit.evaluation.benchmarking.job import Job
from sepkit.evaluation.benchmarking.listening import MOST_TRACKS, chosen_tracks
from sepkit.evaluation.benchmarking.plots import box_plot_svg, power_db
from sepkit.evaluation.benchmarking.report import Report
from sepkit.evaluation.benchmarking.results import Result
from sepkit.evaluation.benchmarking.runner import benchmark
from sepkit.evaluation.benchmarking.summary import Cost, Quality, quantile, reasons, shared_sources
from tests.benchmarks import HOSTILE_SOURCE, HOSTILE_TRACK, MadeUp, done, finished, write_track
from tests.distributions import install

numbers = st.floats(-1e6, 1e6)


def result(track: str = "a", entry: str = "e", **fields: Any) -> Result:
    return Result(track=track, entry=entry, fingerprint="", **{"status": "done", **fields})


# Statistics.


@given(st.lists(numbers, min_size=1), st.floats(0, 1))
def test_quantiles_are_those_of_numpy(values: list[float], share: float) -> None:
    assert quantile(values, share) == pytest.approx(np.quantile(values, share), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "median"),
    [
        ([-math.inf, -math.inf, 3.0], -math.inf),
        ([-math.inf, 2.0, 3.0], 2.0),
        ([-math.inf, 2.0], -math.inf),
        ([1.0, math.inf, math.inf, math.inf], math.inf),
        ([], math.nan),
    ],
)
def test_infinite_values_have_their_place_in_the_order(values: list[float], median: float) -> None:
    assert quantile(values, 0.5) == pytest.approx(median, nan_ok=True)


def test_quality_is_over_all_sources_of_all_tracks_on_which_the_figure_is_defined() -> None:
    results = [
        result("one", figures={"SDR": {"low": 1.0, "high": 5.0}}),
        result("two", figures={"SDR": {"low": 2.0, "high": math.nan}}),
        result("three", figures={"SDR": {"low": math.nan, "high": math.nan}}),
        result("four", status="failed"),
    ]
    quality = Quality.of(results, "SDR")
    assert (quality.low, quality.median, quality.high) == (1.5, 2.0, 3.5)
    assert quality.by_source == {"low": 1.5, "high": 5.0}
    assert quality.by_track == {"one": 3.0, "two": 2.0}
    assert quality.tracks == 2


def test_cost_is_the_median_time_and_the_largest_memory() -> None:
    memory = [(100, 40), (300, 290), (200, 20)]
    results = [
        result(real_time_factor=factor, peak_memory_bytes=peak, bare_memory_bytes=bare, parameters=7)
        for factor, (peak, bare) in zip((0.1, 0.5, 9.0), memory, strict=True)
    ]
    cost = Cost.of([*results, result(status="failed")])
    assert (cost.real_time_factor, cost.peak_memory_bytes, cost.own_memory_bytes, cost.parameters) == (0.5, 300, 180, 7)


def test_sources_have_columns_as_long_as_they_are_few() -> None:
    few = [result(figures={"SDR": dict.fromkeys("ab", 0.0)}), result(figures={"SDR": dict.fromkeys("bc", 0.0)})]
    assert shared_sources(few) == ("a", "b", "c")
    assert shared_sources([*few, result(figures={"SDR": dict.fromkeys("defghi", 0.0)})]) == ()


def test_a_reason_is_told_once_with_the_number_of_tracks() -> None:
    results = [result(track, status="failed", reason=why) for track, why in (("1", "x"), ("2", "y"), ("3", "x"))]
    assert reasons([*results, result()], "failed") == [("e", "x", 2, "1"), ("e", "y", 1, "2")]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.005, "1.00"),
        (-0.001, "0.00"),
        (-3.456, "-3.46"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (None, "–"),
    ],
)
def test_numbers_are_written_with_two_digits(value: float | None, written: str) -> None:
    assert number(value) == written
    assert factor(0.00012345) == "0.000123"


@given(st.text())
def test_words_do_nothing_in_a_table_of_markdown(text: str) -> None:
    written = cell(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<>`*_]", written)
    assert len(written.splitlines()) <= 1
    assert re.sub(r"\\(.)", r"\1", written) == " ".join(text.split())


# What can be listened to.


@given(st.integers(0, 30))
def test_tracks_to_hear_are_spread_over_their_ranking(count: int) -> None:
    ranking = {f"{index:02d}": float(-index) for index in range(count)}
    chosen = chosen_tracks(ranking, reversed(ranking))
    assert len(chosen) == min(count, MOST_TRACKS)
    assert chosen == sorted(set(chosen))
    if count > 1:
        assert (chosen[0], chosen[-1]) == ("00", f"{count - 1:02d}")
        gaps = np.diff([int(track) for track in chosen])
        assert gaps.max() - gaps.min() <= 1


@given(st.integers(1, 40), st.integers(0, 30), st.integers(1, 3))
def test_the_excerpt_is_where_the_mixture_is_loudest(seconds: int, loud_at: int, channels: int) -> None:
    rate = 100
    samples = np.full((channels, seconds * rate + 7), 0.01, np.float32)
    samples[:, loud_at * rate : (loud_at + 1) * rate] = 0.5
    excerpt = Excerpt.loudest(Audio(samples, rate))
    longest = min(samples.shape[1], LONGEST_S * rate)
    assert longest - rate / 10 < excerpt.stop - excerpt.start <= longest
    assert 0 <= excerpt.start < excerpt.stop <= samples.shape[1]
    heard = samples[:, excerpt.start : excerpt.stop]
    assert np.count_nonzero(heard == 0.5) == np.count_nonzero(samples == 0.5)
    assert np.abs(excerpt.gain * heard).max() == pytest.approx(0.9, rel=1e-5)


@pytest.mark.parametrize(
    ("channels", "length", "rate"), [(1, 1, 8000), (2, 400, 44100), (6, 9600, 96000), (1, 3000, 14700)]
)
def test_excerpts_of_any_shape_can_be_played(tmp_path: Path, channels: int, length: int, rate: int) -> None:
    noise = Audio(np.random.default_rng(0).uniform(-1, 1, (channels, length)).astype(np.float32), rate)
    silent = Audio(np.zeros((channels, length), np.float32), rate)
    loud = Audio(100 * noise.samples, rate)
    files = Excerpt.loudest(noise).write(tmp_path, "a", {"noise": noise, "../silent": silent, "loud": loud})
    for file in files.values():
        heard = Audio.read(tmp_path / file)
        assert (tmp_path / file).parent == tmp_path / "a"
        assert heard.channels <= 2
        assert heard.duration_s == pytest.approx(noise.duration_s, abs=0.06)


def test_the_excerpt_of_silence_is_silence() -> None:
    assert Excerpt.loudest(Audio(np.zeros((1, 50), np.float32), 8000)) == Excerpt(0, 50, 1.0)


def test_pictures_keep_levels_and_places() -> None:
    rate, seconds = 16000, 2
    time_s = np.arange(seconds * rate) / rate
    tone = np.sin(2 * np.pi * 2000 * time_s) * (time_s > 1)
    level = power_db(Audio(tone[np.newaxis].astype(np.float32), rate))
    quieter = power_db(Audio(tone[np.newaxis].astype(np.float32) / 10, rate))
    row, column = np.unravel_index(np.argmax(level), level.shape)
    assert (row + 0.5) / level.shape[0] == pytest.approx(2000 / 8000, abs=0.02)
    assert column > level.shape[1] / 2
    assert level.max() - quieter.max() == pytest.approx(20, abs=0.01)


def test_a_box_plot_has_every_entry_also_without_values() -> None:
    svg = box_plot_svg({"good": [1.0, 2.0, math.inf], "empty": []}, "SDR in dB", frozenset({"good"}))
    assert svg.startswith("<svg")
    assert "#000000" not in svg
    assert svg.count("<!-- good -->") == svg.count("<!-- empty -->") == 1


# The two files.


class Page(HTMLParser):
    """What a browser would make of a page, roughly."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return finished(tmp_path_factory.getbasetemp())


@pytest.mark.slow
def test_names_of_tracks_and_sources_are_words_and_nothing_else(report: Report) -> None:
    page = Page(report.html.read_text(encoding="utf-8"))
    assert HOSTILE_TRACK in {word.strip() for word in page.words}
    assert HOSTILE_SOURCE in {word.strip() for word in page.words}
    assert not [attributes for tag, attributes in page.tags if tag == "img" and "onerror" in attributes]
    markdown = report.markdown.read_text(encoding="utf-8")
    assert r"\<b\>low\|\*x\*" in markdown
    assert not re.search(r"(?<!\\)<(?:b|img)", markdown)


@pytest.mark.slow
def test_the_page_is_whole_in_itself(report: Report) -> None:
    page = Page(report.html.read_text(encoding="utf-8"))
    links = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href")
    ]
    assert links
    assert all(link is not None and link.startswith(("data:", "#")) for link in links)
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none';")


@pytest.mark.slow
def test_the_page_has_what_can_be_heard(report: Report) -> None:
    page = Page(report.html.read_text(encoding="utf-8"))
    heard = [attributes["aria-label"] for tag, attributes in page.tags if tag == "audio"]
    names = [HOSTILE_SOURCE, "high"]
    assert heard == ["mixture, mixture"] + [
        f"{row}, {name}" for row in ("true stems", "halve", "ideal-ratio-mask") for name in names
    ]


@pytest.mark.slow
def test_every_row_says_what_it_is_and_what_it_lacks(report: Report) -> None:
    quality = report.markdown.read_text(encoding="utf-8").partition("## Cost")[0]
    rows = {line.split("|")[1].strip(): line for line in quality.splitlines() if line.startswith("| ")}
    assert {"halve", "halve-by-score", "mixture (baseline)", "ideal-ratio-mask (oracle)"} <= set(rows)
    assert "†" in rows["halve-by-score"]
    assert "†" not in rows["halve"]


def made_up_report(patch: pytest.MonkeyPatch, folder: Path, values: dict[str, float], **options: Any) -> Report:
    install(patch, "good")

    def outcome(job: Job) -> dict[str, Any]:
        return done(job, values)

    MadeUp(outcome).install(patch)
    return benchmark(["halve"], [folder / "tracks"], folder / "out", metrics=["sdr"], **options)


def test_equal_figures_give_equal_tables_whatever_they_cost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts = []
    for place, jobs, seconds in (("a", 1, 0.5), ("b", 2, 99.0)):
        write_track(tmp_path / place / "tracks" / "one", 0.01)
        write_track(tmp_path / place / "tracks" / "two", 0.01)
        monkeypatch.setattr("tests.benchmarks.SECONDS", seconds)
        text = made_up_report(monkeypatch, tmp_path / place, {"low": 1.0, "high": 2.5}, jobs=jobs).markdown.read_text()
        texts.append(text.partition("## Cost"))
    assert texts[0][0].replace("/a/tracks", "") == texts[1][0].replace("/b/tracks", "")
    assert texts[0][2] != texts[1][2]


def test_a_report_without_a_single_number_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_track(tmp_path / "tracks" / "one", 0.01)
    report = made_up_report(monkeypatch, tmp_path, {"low": math.nan})
    assert "| halve | – | – | – | 0 |" in report.markdown.read_text(encoding="utf-8")
    assert report.html.is_file()


def test_names_that_are_no_text_do_not_stop_the_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_track(tmp_path / "tracks" / "plain", 0.01).rename(tmp_path / "tracks" / "caf\udce9")
    report = made_up_report(monkeypatch, tmp_path, {"low\udcff": 1.0})
    assert r"low\udcff" in report.html.read_text(encoding="utf-8")
    assert report.results[0].track == "caf\udce9"
    assert made_up_report(monkeypatch, tmp_path, {}).results == report.results
