"""`sepkit run` of many recordings: which are meant, who separates them, what is told, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sepkit import Audio
from tests.benchmarks import install_everywhere
from tests.commandline import Outcome, call, files_below, hum, record, spawn
from tests.distributions import environment


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_everywhere(monkeypatch, "good", "unruly")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def albums() -> Path:
    """Two albums with tracks of equal names, and what is no recording."""
    for number, name in enumerate(("first/01.wav", "first/02.flac", "second/01.wav", "second/bonus/03.wav")):
        path = Path("albums", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        record(path, hum(0.05) * (1 + number), subtype="PCM_16")
    Path("albums/first/cover.jpg").write_text("a picture")
    Path("albums/first/._01.wav").write_text("hidden")
    Path("albums/.cache").mkdir()
    record(Path("albums/.cache/04.wav"))
    return Path("albums")


BY_PARENT = ("--name", "{parent}/{track}/{source}.{ext}")


def results(out: str = "out") -> list[str]:
    return [name.removesuffix("/separation.json") for name in files_below(Path(out)) if "separation.json" in name]


@pytest.mark.usefixtures("albums")
class TestInputs:
    """Files, folders, patterns and standard input."""

    def test_a_folder_is_all_recordings_below(self) -> None:
        done = call("run", "halve", "albums", "-o", "out", *BY_PARENT)
        assert done.code == 0
        assert results() == ["bonus/03", "first/01", "first/02", "second/01"]

    def test_a_pattern_is_all_that_are_named_so(self) -> None:
        assert call("run", "halve", "albums/*/0[12].*", "-o", "out", *BY_PARENT).code == 0
        assert results() == ["first/01", "first/02", "second/01"]
        assert call("run", "halve", "albums/**/03.wav", "-o", "deep").code == 0
        assert results("deep") == ["03"]

    def test_a_file_that_is_named_like_a_pattern_is_a_file(self) -> None:
        record(Path("albums/[01].wav"))
        assert call("run", "halve", "albums/[01].wav", "-o", "out").code == 0
        assert results() == ["[01]"]

    def test_each_is_separated_once(self) -> None:
        done = call("run", "halve", "albums/first", "albums/first/01.wav", "albums/first/*.flac", "-o", "out")
        assert done.code == 0
        assert results() == ["01", "02"]

    def test_results_are_no_recordings(self) -> None:
        for _ in range(2):
            assert call("run", "halve", "albums", "-o", "albums/out", *BY_PARENT).code == 0
        assert results("albums/out") == ["bonus/03", "first/01", "first/02", "second/01"]

    @pytest.mark.parametrize(
        ("given", "words"),
        [("nothing/*.wav", "no file is named like nothing/*.wav"), ("empty", "holds no recordings")],
    )
    def test_nothing_is_a_mistake(self, given: str, words: str) -> None:
        Path("empty").mkdir()
        done = call("run", "halve", given, "-o", "out")
        assert (done.code, len(done.complaints)) == (2, 1)
        assert words in done.err

    @pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="needs /dev/stdin")
    @pytest.mark.parametrize("piped", [True, False])
    def test_a_line_is_standard_input(self, piped: bool) -> None:
        source = "cat albums/first/01.wav | sepkit" if piped else "sepkit < albums/first/01.wav"
        command = source.replace("sepkit", f"{sys.executable} -m sepkit run halve - --stdout first")
        done = subprocess.run(["sh", "-c", f"{command} > stem.wav"], env=environment("good"), stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (0, b"")
        assert Audio.read("stem.wav").length == Audio.read("albums/first/01.wav").length

    def test_standard_input_is_this_process_alone(self) -> None:
        done = call("run", "halve", "-", "-o", "out", "--jobs", "2")
        assert (done.code, len(done.complaints)) == (2, 1)
        assert "write it to a file first" in done.err


def test_recordings_of_one_name_are_told_apart_or_refused(albums: Path) -> None:
    refused = call("run", "halve", albums, "-o", "out")
    assert (refused.code, len(refused.complaints)) == (2, 1)
    assert "albums/first/01.wav and albums/second/01.wav would share the folder out/01" in refused.err
    assert "--name '{parent}/{track}/{source}.{ext}'" in refused.err
    assert not Path("out").exists()
    assert call("run", "halve", albums, "-o", "out", *BY_PARENT).code == 0


def test_processes_give_what_this_one_gives(albums: Path) -> None:
    run = ("run", "nmf", albums, *BY_PARENT, "--set", "rank=2", "--set", "iterations=3")
    assert call(*run, "-o", "one").code == call(*run, "-o", "two", "--jobs", "2").code == 0
    wavs = [name for name in files_below(Path("one")) if name.endswith(".wav")]
    assert len(wavs) == 8
    for name in wavs:
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


def test_what_is_done_is_left_out_and_told(albums: Path) -> None:
    run = ("run", "halve", albums, "-o", "out", *BY_PARENT)
    first, second = call(*run), call(*run)
    assert second.out == first.out
    assert "0 separated, 4 done before, 0 failed" in second.err
    assert "4 separated, 0 failed" in call(*run, "--no-skip-existing").err
    # One recording alone is separated again unless it is said otherwise.
    one = ("run", "halve", "albums/first/01.wav", "-o", "out", *BY_PARENT, "-v")
    assert ": done before; " in call(*one, "--skip-existing").err
    assert ": done in " in call(*one).err


def test_the_rest_is_done_and_one_is_the_exit_code_when_some_failed(albums: Path) -> None:
    Path("albums/first/01.wav").write_text("no audio")
    done = call("run", "halve", albums, "-o", "out", *BY_PARENT, "--jobs", "2")
    assert (done.code, len(done.complaints)) == (1, 2)
    assert "albums/first/01.wav" in done.complaints[0]
    assert done.complaints[1] == "sepkit: 3 separated, 1 failed; all are listed in out/batch.jsonl"
    listed = [json.loads(line) for line in Path("out/batch.jsonl").read_text().splitlines()]
    assert [line["status"] for line in listed] == ["failed", "done", "done", "done"]


def test_a_killed_process_fails_one_recording() -> None:
    for name in "abcdef":
        record(Path(f"{name}.wav"), hum(0.05) * (name != "c"))
    settings = ("--sources", "x,y", "--set", "deed=kill when silent")
    done = call("run", "unruly", "*.wav", "-o", "out", "--jobs", "2", *settings)
    assert done.code == 1
    assert "c.wav: its process was killed by SIGKILL" in done.err
    assert results() == ["a", "b", "d", "e", "f"]


def test_shards_share_the_work(albums: Path) -> None:
    for number in (1, 2, 3):
        assert call("run", "halve", albums, "-o", "out", *BY_PARENT, "--shard", f"{number}/3").code == 0
    assert len(results()) == 4
    listed = [Path(f"out/batch-{number}-of-3.jsonl").read_text().splitlines() for number in (1, 2, 3)]
    assert [len(lines) for lines in listed] == [2, 1, 1]


@pytest.mark.parametrize("given", ["0/3", "4/3", "3", "a/b", "-1/3"])
def test_a_shard_is_one_of_some(given: str) -> None:
    done = call("run", "halve", record(Path("a.wav")), "-o", "out", "--shard", given)
    assert (done.code, len(done.complaints)) == (2, 1)
    assert given in done.err


def test_quiet_says_nothing_and_verbose_says_of_each(albums: Path) -> None:
    run = (
        "run",
        "nmf",
        albums,
        "-o",
        "out",
        *BY_PARENT,
        "--sources",
        "a,b",
        "--set",
        "rank=2",
        "--set",
        "iterations=2",
    )
    told = call(*run)
    assert "note on albums/first/01.wav: " in told.err
    assert call(*run, "--no-skip-existing", "-q", "--progress", "bar").err == ""
    verbose = call(*run, "-v").complaints
    assert [line for line in verbose if "albums/second/01.wav: done before; 2 files beside out/second/01/sep" in line]


def test_progress_tells_how_far_all_is(albums: Path) -> None:
    done = call("run", "halve", albums, "-o", "out", *BY_PARENT, "--set", "steps=4", "--progress", "json")
    events = [json.loads(line) for line in done.complaints if line.startswith("{")]
    overall = [event["overall"] for event in events]
    assert overall == sorted(overall)
    assert overall[0] < 0.2
    assert overall[-1] > 0.9
    assert {event["mixture"] for event in events} == {"01.wav", "02.flac", "03.wav"}


def test_a_bar_tells_of_all_and_of_the_stage(albums: Path) -> None:
    done = call("run", "halve", albums, "-o", "out", *BY_PARENT, "--set", "steps=3", "--progress", "bar")
    assert "all" in done.err
    assert "4/4" in done.err
    assert "02.flac  halve" in done.err
    assert len(done.out.splitlines()) == 8


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs signals")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stop_leaves_nothing_half_written_and_no_process(workers: str) -> None:
    for name in "abc":
        record(Path(f"{name}.wav"))
    command = ["run", "halve", "*.wav", "-o", "out", "--set", "steps=1000000000", "--progress", "json"]
    whole = [sys.executable, "-m", "sepkit", *command, "--jobs", workers]
    with subprocess.Popen(whole, env=environment("good"), stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if '"done": ' in line and '"done": 0' not in line:
                break
        process.terminate()
        assert process.stderr.read().splitlines()[-1] == "sepkit: cancelled; nothing was left half-written"
    assert process.returncode == 3
    assert files_below(Path("out")) == []


class TestRegions:
    """A part of a recording."""

    @pytest.fixture(autouse=True)
    def _mixture(self) -> None:
        record(Path("mix.wav"), hum(2.0))

    @pytest.mark.parametrize("times", [("0:00.5", "0:01.25"), ("0.5", "1.25"), ("0:0:0.5", "00:00:01.25")])
    def test_stems_are_as_long_as_it(self, times: tuple[str, str]) -> None:
        run = ("run", "halve", "mix.wav", "-o", "out", "--start", times[0], "--end", times[1])
        assert call(*run).code == 0
        whole, stem = Audio.read("mix.wav").samples, Audio.read("out/mix/first.wav").samples
        assert stem.tobytes() == (whole[:, 4000:10000] / 2).tobytes()
        told = json.loads(Path("out/mix/separation.json").read_text())["given"]
        assert (told["start_s"], told["end_s"], told["keep_length"]) == (0.5, 1.25, False)

    def test_or_as_long_as_the_recording_and_silent_elsewhere(self) -> None:
        run = ("run", "halve", "mix.wav", "-o", "out", "--start", "1.5", "--keep-length", "--without", "first")
        assert call(*run).code == 0
        whole, rest = Audio.read("mix.wav").samples, Audio.read("out/mix/without_first.wav").samples
        # What is not in the region is untouched.
        assert rest[:, :12000].tobytes() == whole[:, :12000].tobytes()
        assert rest[:, 12000:].tobytes() == (whole[:, 12000:] / 2).tobytes()

    def test_they_are_repeated(self) -> None:
        assert call("run", "halve", "mix.wav", "-o", "out", "--start", "0.5", "--end", "1", "--keep-length").code == 0
        again = call("run", "--from", "out/mix", "-o", "again")
        assert (again.code, again.err) == (0, "")
        assert Path("again/mix/first.wav").read_bytes() == Path("out/mix/first.wav").read_bytes()
        assert call("run", "--from", "out/mix", "-o", "more", "--end", "1.5").code == 0
        assert Audio.read("more/mix/first.wav").samples[:, 8000:12000].any()

    def test_the_score_moves_along(self) -> None:
        Path("notes.csv").write_text("onset,offset,pitch\n0.1,0.4,60\n1.2,1.6,67\n")
        run = ("run", "halve-by-score", "mix.wav", "-o", "out", "--score", "notes.csv", "--align", "never")
        assert call(*run, "--start", "1").code == 0
        assert json.loads(Path("out/mix/separation.json").read_text())["traces"]["notes"] == [67.0]

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--start", "1:75"), ("1:75", "1:10")),
            (("--start", "soon"), ("soon", "70")),
            (("--start", "-1"), ("-1",)),
            (("--start", "2", "--end", "1"), ("2.0 s", "1.0 s")),
            (("--start", "2"), ("2.0", "2.00 s")),
            (("--start", "9", "--end", "12"), ("nothing lies between", "2.00 s")),
        ],
    )
    def test_that_are_none_are_one_line(self, options: tuple[str, ...], words: tuple[str, ...]) -> None:
        done = call("run", "halve", "mix.wav", "-o", "out", *options)
        assert (done.code, len(done.complaints)) == (2, 1)
        assert all(word in done.err for word in words), done.err


class TestStdout:
    """A stem for the next program."""

    def run(self, *options: str) -> tuple[Outcome, bytes]:
        command = [sys.executable, "-m", "sepkit", "run", "halve", "mix.wav", *options]
        done = subprocess.run(command, env=environment("good"), capture_output=True)
        return Outcome(done.returncode, "", done.stderr.decode()), done.stdout

    def test_gets_the_file_and_nothing_else_is_written(self) -> None:
        record(Path("mix.wav"))
        done, file = self.run("--stdout", "second", "--format", "flac", "--sources", "first,second")
        assert (done.code, done.err) == (0, "")
        assert file.startswith(b"fLaC")
        assert files_below(Path()) == ["mix.wav"]

    def test_may_be_one_of_several_results(self) -> None:
        record(Path("mix.wav"))
        done, file = self.run("--stdout", "second", "-o", "out")
        assert done.code == 0
        assert file == Path("out/mix/second.wav").read_bytes()

    def test_needs_one_recording_and_a_stem_of_it(self) -> None:
        record(Path("mix.wav"))
        done, file = self.run("--stdout", "third")
        assert (done.code, len(done.complaints), file) == (2, 1, b"")
        assert "'third'" in done.err
        record(Path("other.wav"))
        done, file = self.run("other.wav", "--stdout", "first")
        assert (done.code, file) == (2, b"")
        assert "one recording" in done.err

    def test_or_a_folder_is_needed(self) -> None:
        record(Path("mix.wav"))
        done, _ = self.run()
        assert (done.code, len(done.complaints)) == (2, 1)
        assert "-o" in done.err


def test_a_batch_needs_what_it_needs_only_once() -> None:
    """A mistake that concerns all recordings is one line, not one for each."""
    for name in "abc":
        record(Path(f"{name}.wav"))
    done = spawn("run", "halve", "a.wav", "b.wav", "c.wav", "-o", "out", "--set", "steps=0", installed=("good",))
    assert (done.code, len(done.complaints)) == (2, 1)
