"""``sepkit datasets``: what there is, what is in it, what is broken, how it divides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sepkit import Registry
from sepkit.evaluation import Dataset, Track
from tests.commandline import Outcome, call, record


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A folder of four songs, one of them to test on."""
    folder = tmp_path / "songs"
    for song in ("one", "two", "three", "test/four"):
        (folder / song / "stems").mkdir(parents=True)
        for stem in ("voice", "guitar"):
            record(folder / song / f"stems/{stem}.wav")
    (folder / "one/score.csv").write_text("start,end,pitch,part\n0,1,60,voice\n")
    (folder / "one/f0").mkdir()
    (folder / "one/f0/voice.csv").write_text("0,440\n")
    return folder


def refused(done: Outcome, *words: str) -> None:
    assert (done.code, done.out, len(done.complaints)) == (2, "", 1), done.err
    for word in words:
        assert word in done.err


class TestWithoutADataset:
    def test_lists_what_is_published(self) -> None:
        done = call("datasets")
        assert (done.code, done.err) == (0, "")
        datasets = Registry.discover().datasets
        lines = {line.split()[0]: line for line in done.out.splitlines() if not line.startswith(" ")}
        assert list(lines) == sorted(datasets)
        assert datasets["bach10"].summary in lines["bach10"]

    def test_tells_how_to_install_what_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
        monkeypatch.setattr("shutil.which", lambda program: None)
        listing = " ".join(call("datasets").out.split())
        assert (
            "(pip install 'sepkit[musdb]', and install the program ffmpeg, and install the program ffprobe)" in listing
        )
        assert "one stem a part (install the program fluidsynth)" in listing
        assert listing.count("pip install") == 1
        refused(call("datasets", "musdb18:path=."), "pip install 'sepkit[musdb]'")

    def test_lists_for_programs(self) -> None:
        listing = json.loads(call("datasets", "--json").out)
        assert [entry["name"] for entry in listing] == sorted(Registry.discover().datasets)
        assert set(listing[0]) == {"name", "summary", "reference", "plugin", "available", "extra"}

    @pytest.mark.parametrize("option", [["--verify"], ["--split", "1,0,0"]])
    def test_has_nothing_to_do_with_its_options(self, option: list[str]) -> None:
        refused(call("datasets", *option), "need a DATASET")


class TestTracks:
    def test_are_described(self, songs: Path) -> None:
        done = call("datasets", songs)
        assert (done.code, done.err) == (0, "")
        rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.out.splitlines() if "│" in line]
        assert rows == [
            ["one", "guitar, voice", "score, f0", "", "0.25", "8000", "1"],
            ["test/four", "guitar, voice", "", "test", "0.25", "8000", "1"],
            ["three", "guitar, voice", "", "", "0.25", "8000", "1"],
            ["two", "guitar, voice", "", "", "0.25", "8000", "1"],
        ]

    def test_are_described_for_programs(self, songs: Path) -> None:
        first, *_ = json.loads(call("datasets", f"folder:path={songs}", "--json").out)
        assert first == {
            "name": "one",
            "sources": ["guitar", "voice"],
            "seconds": 0.25,
            "sample_rate": 8000,
            "channels": 1,
            "score": True,
            "f0": ["voice"],
            "group": "one",
            "split": None,
        }

    def test_that_are_broken_are_described_all_the_same(self, songs: Path) -> None:
        (songs / "one/stems/guitar.wav").write_bytes(b"nonsense")
        first, *_ = json.loads(call("datasets", songs, "--json").out)
        assert (first["name"], first["seconds"], first["sample_rate"], first["channels"]) == ("one", None, None, None)
        assert call("datasets", songs).out.count("?") == 3

    def test_that_are_made_are_described(self) -> None:
        rows = json.loads(call("datasets", "toy-waveforms:count=2,duration_s=0.5", "--json").out)
        assert [(row["seconds"], row["sample_rate"], len(row["f0"])) for row in rows] == [(0.5, 14700, 4)] * 2

    def test_have_progress(self, songs: Path) -> None:
        lines = [json.loads(line) for line in call("datasets", songs, "--progress", "json").err.splitlines()]
        assert [line["done"] for line in lines] == list(range(5))

    def test_what_a_dataset_prints_is_no_result(self, songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sepkit.evaluation.datasets.example.BundledExample", Chatty)
        for options in ([], ["--verify"], ["--split", "1,0,0"]):
            done = call("datasets", "example", "--json", *options)
            json.loads(done.out)
            assert "looking around" in done.err


class Chatty(Dataset):
    """A dataset that prints."""

    def tracks(self) -> Iterator[Track]:
        print("looking around")
        yield Track(name="silent", stems={})


class TestVerify:
    def test_finds_nothing_in_what_is_sound(self, songs: Path) -> None:
        done = call("datasets", songs, "--verify")
        assert (done.code, done.out, done.err) == (0, "0 broken, 0 to note\n", "")

    def test_names_missing_and_broken_files(self, songs: Path) -> None:
        (songs / "two/stems/voice.wav").write_bytes(b"nonsense")
        (songs / "one/score.csv").write_text("start,end,pitch,part\n0,1,60,drums\n")
        (songs / "one/f0/voice.csv").write_text("nonsense\n")
        done = call("datasets", songs, "--verify")
        assert (done.code, done.err) == (1, "")
        lines = done.out.splitlines()
        assert len(lines) == 4
        assert lines[0] == "note    one score: its part 'drums' is no source"
        assert lines[1].startswith("broken  one f0 voice: ")
        assert lines[2].startswith("broken  two stem voice: cannot read ")
        assert lines[3] == "2 broken, 1 to note"

    def test_tells_programs(self, songs: Path) -> None:
        (songs / "two/stems/voice.wav").write_bytes(b"nonsense")
        done = call("datasets", songs, "--verify", "--json")
        assert done.code == 1
        [fault] = json.loads(done.out)
        assert (fault["track"], fault["part"], fault["severity"]) == ("two", "stem voice", "broken")
        assert set(fault) == {"track", "part", "severity", "message"}

    def test_notes_alone_are_no_failure(self, songs: Path) -> None:
        (songs / "one/score.csv").write_text("start,end,pitch,part\n0,1,60,drums\n")
        assert call("datasets", songs, "--verify").code == 0


class TestSplit:
    def test_prints_the_parts(self, songs: Path) -> None:
        done = call("datasets", songs, "--split", "1,0,0")
        assert (done.code, done.err) == (0, "")
        assert done.out == "train (3)\n  one\n  three\n  two\nvalid (0)\ntest (1)\n  test/four\n"

    def test_depends_on_the_seed_alone(self) -> None:
        def parts(seed: int) -> str:
            return call("datasets", "toy-waveforms", "--split", "0.8,0.1,0.1", "--seed", str(seed), "--json").out

        assert parts(1) == parts(1) != parts(2)
        assert {part: len(names) for part, names in json.loads(parts(1)).items()} == {
            "train": 80,
            "valid": 10,
            "test": 10,
        }

    @pytest.mark.parametrize("fractions", ["", "1", "0.5,0.5", "a,b,c", "0.5,0.4,0.3", "0.5,0.2,0.2,0.1"])
    def test_refuses_what_are_no_fractions(self, songs: Path, fractions: str) -> None:
        refused(call("datasets", songs, "--split", fractions), "fractions")

    def test_is_not_done_together_with_verify(self, songs: Path) -> None:
        refused(call("datasets", songs, "--split", "1,0,0", "--verify"), "one of them")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("absent", "no dataset 'absent'"),
        ("folder:path=absent", "no such folder: absent"),
        ("folder", "path: field required"),
        ("example:speed=1", "no option 'speed'"),
    ],
)
def test_what_there_is_not_is_refused(given: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for options in ([], ["--verify"], ["--split", "1,0,0"]):
        refused(call("datasets", given, *options), word)
