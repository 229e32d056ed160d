"""Measuring estimates against references: names, folders, lengths, assignment, figures, and what goes wrong."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sepkit import Audio, Registry
from sepkit.errors import AudioError, Cancelled, ConfigError, PluginError, SepkitError, UnknownNameError
from sepkit.evaluation import Figure, Metric, Stems, evaluate
from sepkit.evaluation.evaluation import median_of_numbers
from sepkit.plugin import MetricSpec
from sepkit.problem.run import Progress, Run
from tests.commandline import record

RATE = 8000

Signals = dict[str, Audio]

ABSENT = MetricSpec(
    name="absent",
    summary="needs what is not there",
    factory="sepkit_absent:Absent",
    figures=("absent",),
    extra="sepkit-absent[all]",
    modules=("sepkit_absent",),
)


def noise(seed: int, length: int = RATE, channels: int = 1) -> Audio:
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, length))
    return Audio(samples.astype(np.float32), RATE)


def mixed(signal: Audio, error: Audio, gain: float) -> Audio:
    return Audio(signal.samples + np.float32(gain) * error.samples, RATE)


@pytest.fixture
def references() -> Signals:
    return {"voice": noise(1), "drums": noise(2)}


@pytest.fixture
def estimates(references: Signals) -> Signals:
    """20 dB and 40 dB below their references are the errors."""
    gains = {"voice": 0.1, "drums": 0.01}
    return {name: mixed(references[name], references[name], gain) for name, gain in gains.items()}


def write(signals: Mapping[str, Audio], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, signal in signals.items():
        signal.write(folder / f"{name}.wav")
    return folder


def plain(estimates: Any, references: Any, **options: Any) -> dict[str, float]:
    return evaluate(estimates, references, metrics=["sdr"], **options).values["SDR"]


def test_every_figure_is_given_for_every_source_in_the_order_of_the_references(
    estimates: Signals, references: Signals
) -> None:
    evaluation = evaluate(dict(reversed(estimates.items())), references, metrics=["si-sdr", "sdr"])
    assert evaluation.sources == ("voice", "drums")
    assert list(evaluation.values) == ["SI-SDR", "SI-SIR", "SI-SAR", "SDR"]
    assert list(evaluation.values["SDR"]) == ["voice", "drums"]
    assert evaluation.values["SDR"] == pytest.approx({"voice": 20, "drums": 40}, abs=1e-3)
    assert evaluation.assignment == {"voice": "voice", "drums": "drums"}
    assert (evaluation.notes, evaluation.frames) == ((), {})


def test_without_metrics_all_that_are_installed_are_measured(estimates: Signals, references: Signals) -> None:
    registry = Registry()
    registry.add(ABSENT)
    evaluation = evaluate(estimates, references, registry=registry)
    assert [metric["name"] for metric in evaluation.metrics] == ["sdr", "si-sdr", "bss-eval"]
    with pytest.raises(UnknownNameError, match=r"needs sepkit-absent\[all\]: pip install 'sepkit-absent\[all\]'"):
        evaluate(estimates, references, metrics=["absent"], registry=registry)


def test_framewise_figures_come_with_their_frames_and_count_with_the_median(
    estimates: Signals, references: Signals
) -> None:
    silent = references["drums"].samples.copy()
    silent[:, : RATE // 4] = 0
    references["drums"] = Audio(silent, RATE)
    evaluation = evaluate(estimates, references, metrics=["bss-eval:window_s=0.25,hop_s=0.25,filter_length=8"])
    frames = evaluation.frames["BSS-SDR"]
    assert frames.shape == (2, 4)
    assert np.isnan(frames[:, 0]).all()
    expected = {name: float(np.median(row[1:])) for name, row in zip(references, frames, strict=True)}
    assert evaluation.values["BSS-SDR"] == expected
    [description] = evaluation.metrics
    assert (description["library"], description["options"]["filter_length"]) == ("sepkit", 8)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], np.nan),
        ([np.nan, np.nan], np.nan),
        ([np.nan, 1, 3], 2),
        ([np.inf, np.inf, 1], np.inf),
        ([np.inf, -np.inf], np.nan),
    ],
)
def test_the_median_is_of_numbers(values: list[float], expected: float) -> None:
    np.testing.assert_equal(median_of_numbers(np.array(values)), expected)


def test_folders_files_and_signals_in_memory_are_the_same(
    estimates: Signals, references: Signals, tmp_path: Path
) -> None:
    truth = write({**references, "mixture": noise(9)}, tmp_path / "song" / "stems").parent
    given = write({**estimates, "mixture": noise(9)}, tmp_path / "out")
    (given / "readme.json").write_text("{}")
    (given / "._voice.wav").write_text("what a Mac leaves behind")
    expected = plain(estimates, references)
    assert plain(given, truth) == expected
    assert plain(str(given), {name: truth / "stems" / f"{name}.wav" for name in references}) == expected


def test_what_was_measured_can_be_written_as_strict_json_and_csv(references: Signals) -> None:
    estimates = {"voice": references["voice"], "drums": Audio(np.zeros((1, RATE), np.float32), RATE)}
    evaluation = evaluate(estimates, references, metrics=["si-sdr"])
    written = json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))
    assert written["values"]["SI-SDR"] == {"voice": "inf", "drums": "-inf"}
    assert written["values"]["SI-SIR"]["drums"] is None
    assert written["metrics"][0]["figures"].keys() == written["metrics"][0]["units"].keys() == written["values"].keys()
    rows = list(csv.DictReader(evaluation.to_csv().splitlines()))
    assert [(row["source"], row["figure"]) for row in rows] == [(s, f) for s in references for f in written["values"]]
    by_name = {(row["source"], row["figure"]): row for row in rows}
    assert by_name["voice", "SI-SDR"]["value"] == "inf"
    assert list(by_name["drums", "SI-SAR"].values()) == ["drums", "drums", "SI-SAR", "", "dB"]


def test_estimates_that_no_reference_asks_for_are_left_out_and_noted(estimates: Signals, references: Signals) -> None:
    evaluation = evaluate({**estimates, "residual": noise(5, 3)}, references, metrics=["sdr"])
    assert evaluation.values["SDR"] == plain(estimates, references)
    assert len(evaluation.notes) == 1
    assert "residual" in evaluation.notes[0]


@pytest.mark.parametrize("difference", [-RATE, -12, 12, RATE])
def test_estimates_up_to_a_second_off_are_cut_or_continued_with_silence(references: Signals, difference: int) -> None:
    truth = {name: Audio(np.tile(signal.samples, (1, 2)), RATE) for name, signal in references.items()}
    samples = np.pad(truth["voice"].samples, ((0, 0), (0, RATE)), constant_values=1)[:, : 2 * RATE + difference]
    evaluation = evaluate({**truth, "voice": Audio(samples, RATE)}, truth, metrics=["sdr"])
    silenced = np.array(truth["voice"].samples)
    silenced[:, 2 * RATE + min(difference, 0) :] = 0
    expected = plain({**truth, "voice": Audio(silenced, RATE)}, truth) if difference < 0 else {"voice": np.inf}
    assert evaluation.values["SDR"]["voice"] == expected["voice"]
    [note] = evaluation.notes
    assert "voice" in note
    assert str(abs(difference)) in note


def test_references_are_as_long_as_the_longest_of_them(references: Signals) -> None:
    truth = {**references, "voice": noise(1, RATE - 10)}
    evaluation = evaluate(references, truth, metrics=["sdr"])
    assert evaluation.values["SDR"]["drums"] == np.inf
    assert evaluation.values["SDR"]["voice"] == pytest.approx(10 * np.log10(RATE / 10), abs=3)
    assert [note.split(":")[0] for note in evaluation.notes] == ["reference voice"]


def test_permuted_estimates_are_assigned_by_their_sound(references: Signals) -> None:
    truth = {**references, "bass": Audio(np.zeros((1, RATE), np.float32), RATE), "piano": noise(4)}
    given = {
        "a": mixed(truth["piano"], noise(7), 0.1),
        "b": noise(8),
        "c": truth["voice"],
        "d": mixed(truth["drums"], truth["voice"], 0.6),
        "e": noise(9),
    }
    evaluation = evaluate(given, truth, metrics=["sdr"], permute=True)
    assignment = dict(evaluation.assignment)
    assert assignment.pop("bass") in "be"
    assert assignment == {"piano": "a", "voice": "c", "drums": "d"}
    assert evaluation.values["SDR"]["voice"] == np.inf
    assert np.isnan(evaluation.values["SDR"]["bass"])
    assert len(evaluation.notes) == 1
    renamed = {name: given[evaluation.assignment[name]] for name in truth}
    np.testing.assert_equal(plain(renamed, truth), evaluation.values["SDR"])


def test_the_assignment_is_the_best_of_all_and_not_the_greedy_one() -> None:
    truth = {"a": noise(1), "b": noise(2)}
    # "x" is best for both references; giving it to "a" costs more than it brings.
    given = {"x": mixed(truth["b"], truth["a"], 0.9), "y": mixed(truth["a"], truth["b"], 0.5)}
    assert evaluate(given, truth, metrics=["sdr"], permute=True).assignment == {"a": "y", "b": "x"}


class Peculiar(Metric):
    """Gives whatever it is told to."""

    figures = (Figure("peak", "largest magnitude", unit=""),)
    fault: str = ""

    def measure(self, references: Stems, estimates: Stems, run: Run) -> Mapping[str, NDArray[np.floating]]:
        values: dict[str, Any] = {
            "": np.abs(estimates.read(0, estimates.length)).max(axis=(1, 2)),
            "names": {"speak": np.zeros(2)},
            "shape": np.zeros(3),
            "integers": np.zeros(2, int),
            "nothing": {},
        }
        if self.fault == "raises":
            raise RuntimeError("it broke")
        given = values[self.fault]
        return given if isinstance(given, dict) else {"peak": given}


def test_a_metric_of_ones_own_is_an_object_or_published(estimates: Signals, references: Signals) -> None:
    evaluation = evaluate(estimates, references, metrics=[Peculiar(), "sdr"])
    assert evaluation.values["peak"]["drums"] == pytest.approx(0.505, abs=1e-3)
    assert evaluation.metrics[0]["units"] == {"peak": ""}


@pytest.mark.parametrize("fault", ["raises", "names", "shape", "integers", "nothing"])
def test_a_metric_that_breaks_its_promise_is_named(estimates: Signals, references: Signals, fault: str) -> None:
    with pytest.raises(PluginError, match="'peculiar'"):
        evaluate(estimates, references, metrics=[Peculiar(fault=fault)])


def stereo(signals: Signals) -> Signals:
    return {name: Audio(np.tile(signal.samples, (2, 1)), RATE) for name, signal in signals.items()}


def at(rate: int) -> Callable[[Signals], Signals]:
    return lambda signals: {name: Audio(signal.samples, rate) for name, signal in signals.items()}


def same(signals: Signals) -> Signals:
    return signals


def longer(signals: Signals) -> Signals:
    return {**signals, "voice": noise(1, 2 * RATE + 1)}


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda given: {"voice": given["voice"]}, {}, AudioError, "no estimate of drums; the estimates are voice"),
        (lambda given: {"voice": given["voice"]}, {"permute": True}, AudioError, "2 references .* 1 estimate"),
        (stereo, {}, AudioError, "estimates have 2 channel.* references 1 at 8000 Hz; resample or mix down"),
        (at(16000), {"permute": True}, AudioError, "16000 Hz"),
        (longer, {}, AudioError, r"estimate 'voice' lasts 2.00 s where 1.00 s are wanted"),
        (lambda given: {}, {}, ConfigError, "estimates need a folder or signals by name"),
        (lambda given: given["voice"], {}, ConfigError, "estimates need a folder"),
        (lambda given: {**given, "voice": given["voice"].samples}, {}, ConfigError, "'voice' .* given ndarray"),
        (lambda given: {**given, "voice": "no/such.wav"}, {}, AudioError, "no such audio file: .*such.wav"),
        (lambda given: Path("no-such-folder"), {}, AudioError, "no-such-folder"),
        (same, {"metrics": []}, ConfigError, "at least one"),
        (same, {"metrics": "sdr"}, ConfigError, "list"),
        (same, {"metrics": ["sdr", "sdr"]}, ConfigError, "'sdr' and 'sdr' both give SDR"),
        (same, {"metrics": ["bss-eval:window_s=0"]}, ConfigError, "window_s"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(
    estimates: Signals, references: Signals, change: Any, options: dict[str, Any], error: type, message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        evaluate(change(estimates), references, **{"metrics": ["sdr"], **options})
    assert isinstance(raised.value, SepkitError)
    assert "\n" not in str(raised.value)


def test_a_name_twice_in_a_folder_and_broken_files_are_named(references: Signals, tmp_path: Path) -> None:
    folder = write(references, tmp_path)
    references["voice"].write(folder / "voice.flac")
    with pytest.raises(AudioError, match=r"voice\.flac, voice\.wav"):
        plain(folder, references)
    (folder / "voice.flac").unlink()
    for fill in (
        lambda path: path.write_text("no audio"),
        lambda path: record(path, np.zeros((0, 1), np.float32)),
        lambda path: record(path, np.full((RATE, 1), np.nan, np.float32)),
    ):
        fill(folder / "voice.wav")
        with pytest.raises(AudioError, match=r"voice\.wav"):
            plain(folder, references)


def test_progress_of_all_metrics_goes_under_names_of_its_own_and_cancelling_stops_it(
    estimates: Signals, references: Signals
) -> None:
    events: list[Progress] = []
    evaluate(estimates, references, permute=True, reporter=events.append, registry=Registry())
    starts = [event.stage for event in events if event.done == 0]
    assert len(starts) == len(set(starts)) >= 6
    cancel = threading.Event()

    def stop(event: Progress) -> None:
        if event.stage == starts[-1]:
            cancel.set()

    with pytest.raises(Cancelled):
        evaluate(estimates, references, permute=True, reporter=stop, cancel=cancel, registry=Registry())


def test_no_signal_is_ever_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = record(tmp_path / "truth.wav", np.random.default_rng(0).uniform(-0.5, 0.5, (2_000_000, 1)))
    longest = 0
    read = Stems.read

    def watched(stems: Stems, start: int, stop: int) -> NDArray[np.float64]:
        nonlocal longest
        longest = max(longest, stop - start)
        return read(stems, start, stop)

    monkeypatch.setattr(Stems, "read", watched)
    evaluate({"a": truth}, {"a": truth}, permute=True, registry=Registry())
    assert 0 < longest < 300_000
