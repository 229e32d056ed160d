"""What can be asked of a benchmark: every mistake is found before any work is done, and the report repeats the rest."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from sepkit import Registry, SepkitError
from sepkit.errors import ConfigError, DatasetError, MismatchError, OutputError, UnknownNameError, WeightsError
from sepkit.evaluation.benchmarking.entry import BASELINES, ORACLES, Entry
from sepkit.evaluation.benchmarking.job import Job
from sepkit.evaluation.benchmarking.report import Report
from sepkit.evaluation.benchmarking.runner import benchmark
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.evaluation.datasets.toy import ToyWaveforms
from sepkit.plugin import SeparatorSpec
from tests.benchmarks import MadeUp, write_track
from tests.commandline import call, files_below
from tests.distributions import install

TOY = "toy-waveforms:count=1"


@pytest.fixture(autouse=True)
def _good(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "good", "unruly")
    monkeypatch.setattr("sepkit.evaluation.benchmarking.report.box_plot_svg", lambda *_: "<svg></svg>")


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that were done, without being done."""
    done: list[Job] = []
    MadeUp(before=done.append).install(monkeypatch)
    return done


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def measured(entries: Any, datasets: Any, out: Path, **options: Any) -> Report:
    return benchmark(entries, datasets, out, **{"metrics": ["sdr"], "jobs": 1, **options})


def test_baselines_and_oracles_come_after_what_was_asked_for_and_once(jobs: list[Job], out: Path) -> None:
    measured(["ideal-ratio-mask", "halve"], [TOY], out)
    labels = [job.entry.label for job in jobs]
    assert labels[:2] == ["ideal-ratio-mask", "halve"]
    assert sorted(labels) == sorted([*BASELINES, *ORACLES, "halve"])


def test_only_what_needs_the_true_stems_gets_them(jobs: list[Job], out: Path) -> None:
    measured(["halve"], [TOY], out)
    assert {job.entry.label for job in jobs if job.references} == set(ORACLES)


def test_the_harmonic_comb_comes_where_a_score_or_f0_is_known(jobs: list[Job], out: Path, tmp_path: Path) -> None:
    write_track(tmp_path / "tracks" / "unknown")
    measured(["halve"], [TOY, tmp_path / "tracks"], out)
    assert [job.track for job in jobs if job.entry.label == "harmonic-comb"] == ["00000"]


def test_stems_in_no_order_are_assigned_unless_the_entry_says_otherwise(jobs: list[Job], out: Path) -> None:
    kept = Entry(label="kept", method="unruly", permute=False)
    assigned = Entry(label="assigned", method="halve", permute=True)
    report = measured(["unruly", "halve", kept, assigned], [TOY], out)
    assert {job.entry.label for job in jobs if job.permute} == {"unruly", "assigned"}
    table = report.markdown.read_text(encoding="utf-8")
    assert "| unruly (best assignment) |" in table
    assert "| kept |" in table


def test_tracks_of_several_datasets_are_told_apart(jobs: list[Job], out: Path, tmp_path: Path) -> None:
    write_track(tmp_path / "tracks" / "00000")
    report = measured(["mixture"], [TOY, tmp_path / "tracks"], out)
    assert list(dict.fromkeys(result.track for result in report.results)) == ["toy-waveforms/00000", "tracks/00000"]


def test_datasets_of_one_name_go_by_all_that_was_said(jobs: list[Job], out: Path) -> None:
    report = measured(["mixture"], [TOY, "toy-waveforms:count=1,seed=2", ToyWaveforms(count=1, seed=3)], out)
    assert list(dict.fromkeys(result.track for result in report.results)) == [
        "toy-waveforms:count=1/00000",
        "toy-waveforms:count=1,seed=2/00000",
        "toy-waveforms:count=1,seed=3/00000",
    ]


def test_a_part_of_a_split_is_the_same_for_every_seed(jobs: list[Job], out: Path) -> None:
    whole = measured(["mixture"], ["toy-waveforms:count=20"], out)
    parts = [
        {
            result.track
            for result in measured(["mixture"], ["toy-waveforms:count=20"], out, split="test", seed=seed).results
        }
        for seed in (0, 1)
    ]
    assert parts[0] == parts[1] < {result.track for result in whole.results}


def test_the_report_tells_the_command_that_repeats_it(jobs: list[Job], tmp_path: Path, out: Path) -> None:
    configurations = {"halved": {"method": "halve", "config": {"steps": 3}, "permute": True}}
    (tmp_path / "a file.json").write_text(json.dumps(configurations))
    given = ["halved,halve", TOY, "-o", out, "--config", tmp_path / "a file.json", "--metric", "sdr", "--seed", "7"]
    assert call("benchmark", *given).code == 0
    first = list(jobs)
    text = (out / "report.md").read_text(encoding="utf-8")
    command = next(line for line in text.splitlines() if line.startswith("sepkit benchmark"))
    # Into another folder, where nothing is kept.
    words = [word if word != str(out) else str(tmp_path / "again") for word in shlex.split(command)[1:]]
    jobs.clear()
    assert call(*words).code == 0
    # Threads do them, in whatever order.
    again, before = (sorted(str((job.entry, job.seed, job.metrics)) for job in done) for done in (jobs, first))
    assert again == before
    assert len(jobs) == len(first) > 2


def test_what_no_command_can_say_is_said_so(jobs: list[Job], out: Path) -> None:
    report = measured(["mixture"], [ToyWaveforms(count=1)], out)
    assert "started from Python" in report.markdown.read_text(encoding="utf-8")


class TwiceTheSame(Dataset):
    """A dataset that is not what datasets are."""

    def tracks(self) -> Any:
        yield from [Track(name="same", stems={}), Track(name="same", stems={})]


@pytest.mark.parametrize(
    ("entries", "error", "words"),
    [
        ([], ConfigError, "at least one method"),
        ("halve", ConfigError, "needs a list"),
        (["nosuch"], UnknownNameError, "no method 'nosuch'"),
        (["Halve it"], ConfigError, "label"),
        (["halve", "halve"], ConfigError, "more than once"),
        ([Entry(label="nmf", method="halve")], ConfigError, "name of a method"),
        ([Entry(label="x", method="halve", config={"stepz": 1})], ConfigError, "no option 'stepz'"),
        ([Entry(label="x", method="halve", priors=("nosuch",))], UnknownNameError, "no prior"),
        ([Entry(label="x", method="halve", constraints=("peak-limit:peak=-1",))], ConfigError, "peak"),
        ([Entry(label="x", method="halve", weights=Path("nowhere"))], WeightsError, "nowhere"),
        ([Entry(label="x", method="halve", weights=Path.cwd())], MismatchError, "no weights to load"),
        ([Entry(label="x", method="halve", priors=("sparsity",))], MismatchError, "activations"),
    ],
)
def test_mistakes_in_entries_are_found_before_any_work(
    jobs: list[Job], out: Path, entries: Any, error: type[SepkitError], words: str
) -> None:
    with pytest.raises(error, match=words):
        measured(entries, [TOY], out)
    assert not jobs
    assert not out.exists()


@pytest.mark.parametrize(
    ("datasets", "options", "error", "words"),
    [
        ([], {}, ConfigError, "at least one dataset"),
        (TOY, {}, ConfigError, "needs a list"),
        (["nosuch"], {}, UnknownNameError, "no dataset 'nosuch'"),
        ([TOY, TOY], {}, ConfigError, "twice"),
        ([TwiceTheSame()], {}, DatasetError, "two tracks called 'same'"),
        ([TOY], {"split": "valid"}, DatasetError, "no tracks"),
        ([TOY], {"split": "half"}, ConfigError, "half"),
        ([TOY], {"metrics": ["nosuch"]}, UnknownNameError, "no metric"),
        ([TOY], {"metrics": []}, ConfigError, "at least one"),
        ([TOY], {"seed": -1}, ConfigError, "seed"),
        ([TOY], {"jobs": 0}, ConfigError, "jobs"),
    ],
)
def test_other_mistakes_are_found_before_any_work(
    jobs: list[Job], out: Path, datasets: Any, options: dict[str, Any], error: type[SepkitError], words: str
) -> None:
    with pytest.raises(error, match=words):
        measured(["halve"], datasets, out, **options)
    assert not jobs
    assert not out.exists()


def test_methods_that_another_process_could_not_find_are_refused(out: Path) -> None:
    registry = Registry.discover()
    registry.add(SeparatorSpec(name="by-hand", summary="added by hand", factory="__main__:Nothing"))
    with pytest.raises(ConfigError, match="'by-hand' needs to be installed"):
        measured(["by-hand"], [TOY], out, registry=registry)


def test_datasets_that_another_process_could_not_find_are_refused(out: Path) -> None:
    class Local(TwiceTheSame):
        def tracks(self) -> Any:
            yield Track(name="one", stems={})

    with pytest.raises(ConfigError, match="module"):
        measured(["halve"], [Local()], out)


def test_the_folder_lies_outside_of_the_dataset(jobs: list[Job], tmp_path: Path) -> None:
    write_track(tmp_path / "tracks" / "one")
    with pytest.raises(OutputError, match="lies within the dataset"):
        measured(["halve"], [tmp_path / "tracks"], tmp_path / "tracks" / "results")
    assert files_below(tmp_path) == ["tracks", "tracks/one", "tracks/one/<b>low|*x*.wav", "tracks/one/high.wav"]


def test_a_folder_that_cannot_be_written_to_is_refused(regular_file: Path) -> None:
    with pytest.raises(OutputError):
        measured(["halve"], [TOY], regular_file / "out")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot read configurations"),
        ("{", "not JSON"),
        ("[]", "one JSON object"),
        ('{"x": {"config": {}}}', "configuration 'x' needs to be an object"),
        ('{"x": 3}', "configuration 'x' needs to be an object"),
        ('{"x": {"method": "halve", "optoins": {}}}', "no option 'optoins'"),
        ('{"x": {"method": "halve", "permute": "perhaps"}}', "permute"),
    ],
)
def test_mistakes_in_the_file_of_configurations_are_one_line(
    tmp_path: Path, out: Path, text: str | None, words: str
) -> None:
    file = tmp_path / "entries.json"
    if text is not None:
        file.write_text(text)
    refused = call("benchmark", "x", TOY, "-o", out, "--config", file)
    assert (refused.code, refused.out, len(refused.complaints)) == (2, "", 1)
    assert words in refused.err


def test_without_plugins_the_processes_load_none_either(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    made_up = MadeUp().install(monkeypatch)
    assert call("--no-plugins", "benchmark", "mixture", TOY, "-o", out, "--metric", "sdr").code == 0
    assert made_up.disabled == {"*"}
