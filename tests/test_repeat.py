"""Repeating a separation from its record: the same bytes, from the command line and Python, wherever the folder is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Audio, F0Track, Note, Registry, Score
from sepkit.errors import ConfigError, WeightsError
from sepkit.repeating.record import Record
from tests.commandline import QUICK, call, record
from tests.playing import RATE, play

SCORE = Score([Note(0.1, 0.6, 60, part="low"), Note(0.4, 0.9, 76, part="high"), Note(0.9, 1.3, 64, part="low")])
SMALL = ("--set", "iterations=3", "--set", "window_s=0.023")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording in stereo with its notes, F0 and stems, and nothing else."""
    folder = tmp_path / "here"
    (folder / "stems").mkdir(parents=True)
    stems = {part: play(SCORE.part(part)) for part in SCORE.parts}
    length = max(stem.length for stem in stems.values())
    for part, stem in stems.items():
        samples = np.pad(np.concatenate([stem.samples, stem.samples / 2]), ((0, 0), (0, length - stem.length)))
        stems[part] = Audio(samples, stem.sample_rate)
        stems[part].write(folder / "stems" / f"{part}.wav")
    Audio(sum(stem.samples for stem in stems.values()), stems["low"].sample_rate).write(folder / "song.wav")
    SCORE.write(folder / "song.mid")
    (folder / "f0").mkdir()
    for part in SCORE.parts:
        (folder / "f0" / f"{part}.csv").write_text("".join(f"{t / 10},{261.6 if t % 3 else 0}\n" for t in range(13)))
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Of every file of audio below."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.wav"))}


def run(folder: Path, method: str, *options: str | Path) -> Path:
    """Separate the recording in a folder, with relative paths as people write them."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        done = call("run", method, "song.wav", "-o", "out", *options)
    finally:
        os.chdir(before)
    assert done.code == 0, done.err
    return folder / "out" / "song"


METHODS: dict[str, tuple[str | Path, ...]] = {
    "nmf": ("--sources", "a,b", "--seed", "3", "--prior", "sparsity:weight=0.1", "--constraint", "mixture-consistency"),
    "score-nmf": ("--score", "song.mid", "--parts", "high=1,low=2", *SMALL, "--constraint", "score:after_s=0.1"),
    "harmonic-comb": ("--sources", "low,high", "--f0", "f0"),
    "nae": ("--sources", "a,b", *SMALL, "--set", "rank=4", "--seed", "7"),
    "ideal-ratio-mask": ("--sources", "high,low", "--references", "stems"),
}


@pytest.mark.parametrize("method", METHODS)
def test_the_same_bytes_come_out_wherever_the_folder_is(method: str, folder: Path, tmp_path: Path) -> None:
    quick = QUICK if method == "nmf" else ()
    first = bytes_of(run(folder, method, *METHODS[method], *quick))
    assert len(first) == 2
    place = folder.rename(tmp_path / "there")
    done = call("run", "--from", place / "out" / "song" / "separation.json", "-o", tmp_path / "again")
    assert done.code == 0, done.err
    assert "the record" not in done.err
    assert bytes_of(tmp_path / "again" / "song") == first
    sepkit.repeat(place / "out" / "song").write(tmp_path / "python")
    assert bytes_of(tmp_path / "python") == first


def test_parts_alignment_and_what_is_written_are_repeated(folder: Path, tmp_path: Path) -> None:
    Score.read(folder / "song.mid").mapped(lambda s: 1.2 * np.asarray(s) + 0.1).write(folder / "song.mid")
    chosen = ("--only", "high", "--without", "low", "--gain", "low=-inf", "--gain", "high=3")
    aligned = ("--align", "always", "--parts", "high=2,low=1")
    out = run(folder, "score-nmf", "--score", "song.mid", *aligned, *SMALL, *chosen)
    told = json.loads((out / "separation.json").read_text())
    assert told["given"]["score"] == {"path": str(folder / "song.mid"), "parts": "high=2,low=1", "pedal": True}
    assert told["given"]["align"] == "always"
    assert {"moved", "backend", "cost", "worst_shift_s", "tuning_cents"} <= told["alignment"].keys()
    assert told["alignment"]["worst_shift_s"] > 0.1
    assert told["outputs"]["gains_db"] == {"low": "-inf", "high": 3.0}
    first = bytes_of(out)
    assert first.keys() == {"high.wav", "without_low.wav", "remix.wav"}
    assert call("run", "--from", out, "-o", tmp_path).code == 0
    assert bytes_of(tmp_path / "song") == first


def test_what_is_given_beside_goes_over_the_record(folder: Path, tmp_path: Path) -> None:
    out = run(folder, "nmf", "--sources", "a,b", *QUICK, "--seed", "3", "--only", "b")
    beside = ("--seed", "4", "--set", "iterations=3", "--sources", "c,d", "--without", "c")
    done = call("run", "--from", out, "-o", tmp_path / "new", *beside)
    assert (done.code, done.err) == (2, "sepkit: there is no stem 'b'; the stems are c, d\n")
    assert call("run", "--from", out, "-o", tmp_path / "new", *beside, "--only", "d").code == 0
    told = json.loads((tmp_path / "new" / "song" / "separation.json").read_text())
    assert (told["seed"], told["sources"], told["config"]["rank"], told["config"]["iterations"]) == (
        4,
        ["c", "d"],
        2,
        3,
    )
    assert told["files"] == {"d": "d.wav", "without_c": "without_c.wav"}
    by_hand = sepkit.repeat(out, seed=4, config={"iterations": 3}, sources=["c", "d"])
    assert by_hand.provenance.seed == 4
    np.testing.assert_array_equal(by_hand["d"].samples, Audio.read(tmp_path / "new" / "song" / "d.wav").samples)


def test_another_mixture_and_another_score_can_be_given(folder: Path, tmp_path: Path) -> None:
    out = run(folder, "score-nmf", "--score", "song.mid", "--align", "always", *SMALL)
    other = record(tmp_path / "other.wav", Audio.read(folder / "song.wav").samples.T * 0.5, RATE)
    done = call("run", "--from", out, other, "-o", tmp_path / "o")
    assert done.code == 0, done.err
    assert (tmp_path / "o" / "other" / "high.wav").is_file()
    (folder / "song.mid").rename(folder / "new.mid")
    assert "score' is missing" in call("run", "--from", out, "-o", tmp_path / "o").err
    done = call("run", "--from", out, "-o", tmp_path / "o", "--score", folder / "new.mid", "--align", "never")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "o" / "song" / "separation.json").read_text())["given"]["align"] == "never"
    no_score = run(folder, "nmf", *QUICK)
    assert "the record has no score" in call("run", "--from", no_score, "-o", tmp_path / "o", "--parts", "staff").err


class TestWhatIsNotAsItWas:
    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            (lambda here: (here / "song.mid").unlink(), ("record's 'score' is missing", "song.mid", "--score")),
            (
                lambda here: Score([Note(0, 1, 60)]).write(here / "song.mid"),
                ("'score' has changed", "--score"),
            ),
            (lambda here: record(here / "song.wav"), ("record's 'mixture' has changed", "another digest")),
            (lambda here: (here / "song.wav").unlink(), ("no such audio file", "song.wav")),
        ],
        ids=["missing", "other notes", "other samples", "no mixture"],
    )
    def test_inputs(
        self, damage: Callable[[Path], object], words: tuple[str, ...], folder: Path, tmp_path: Path
    ) -> None:
        out = run(folder, "score-nmf", "--score", "song.mid", *SMALL)
        damage(folder)
        done = call("run", "--from", out, "-o", tmp_path / "again")
        assert (done.code, len(done.complaints)) == (2, 1)
        assert all(word in done.err for word in words), done.err
        assert not list((tmp_path / "again").rglob("*.wav"))

    def test_examples(self, folder: Path, tmp_path: Path) -> None:
        examples = [f"{part}=stems/{part}.wav" for part in ("low", "high")]
        run(folder, "nmf", "--sources", "low,high", *QUICK, "--example", examples[0], "--example", examples[1])
        place = folder.rename(tmp_path / "there") / "stems" / "low.wav"
        told = tmp_path / "there" / "out" / "song"
        assert call("run", "--from", told, "-o", tmp_path / "a").code == 0
        assert bytes_of(tmp_path / "a" / "song") == bytes_of(told)
        record(place)
        done = call("run", "--from", told, "-o", tmp_path / "a")
        assert (done.code, len(done.complaints)) == (2, 1)
        assert "'examples:low:0' has changed" in done.err
        beside = ("--example", f"low={place}", "--example", f"high={place}")
        assert call("run", "--from", told, "-o", tmp_path / "a", *beside).code == 0

    def test_files_that_options_name(self, folder: Path, tmp_path: Path) -> None:
        np.savez(folder / "own.npz", templates=np.random.default_rng(0).random((65, 2)))
        run(folder, "nmf", "--sources", "low,high", *QUICK, "--set", "window_s=0.011", "--set", "start=own.npz")
        file = folder.rename(tmp_path / "there") / "own.npz"
        told = tmp_path / "there" / "out" / "song"
        assert call("run", "--from", told, "-o", tmp_path / "a").code == 0
        assert bytes_of(tmp_path / "a" / "song") == bytes_of(told)
        np.savez(file, templates=np.ones((65, 2)))
        done = call("run", "--from", told, "-o", tmp_path / "a")
        assert (done.code, len(done.complaints)) == (2, 1)
        assert "'nmf: start' has changed" in done.err
        assert call("run", "--from", told, "-o", tmp_path / "a", "--set", f"start={file}").code == 0

    def test_versions_and_what_comes_out_of_them(self, folder: Path, tmp_path: Path) -> None:
        out = run(folder, "nmf", *QUICK)
        told = json.loads((out / "separation.json").read_text())
        told["versions"] |= {"numpy": "0.9", "gone": "1.0"}
        told["digests"]["component-1.wav"] = "0" * 64
        (out / "separation.json").write_text(json.dumps(told))
        done = call("run", "--from", out, "-o", tmp_path)
        assert (done.code, len(done.complaints)) == (0, 2)
        assert f"gone 1.0 then and absent now, numpy 0.9 then and {np.__version__} now" in done.complaints[0]
        assert "what came out differs from what the record lists: component-1.wav" in done.complaints[1]

    def test_weights(self, registry: Registry, tmp_path: Path, noise: Callable[..., Audio]) -> None:
        weights = tmp_path / "weights"
        weights.mkdir()
        (weights / "levels.txt").write_text("1")
        noise().write(tmp_path / "mix.wav")
        sepkit.separate(tmp_path / "mix.wav", "shares", weights=weights, registry=registry).write(tmp_path / "out")
        again = sepkit.repeat(tmp_path / "out", registry=registry)
        assert again.provenance.given["weights"] == str(weights)
        (weights / "levels.txt").write_text("2")
        with pytest.raises(ConfigError, match=r"record's 'weights' has changed: .* --weights"):
            sepkit.repeat(tmp_path / "out", registry=registry)
        assert sepkit.repeat(tmp_path / "out", registry=registry, weights=weights).provenance.weights
        (weights / "levels.txt").unlink()
        weights.rmdir()
        with pytest.raises(ConfigError, match=r"record's 'weights' is missing"):
            sepkit.repeat(tmp_path / "out", registry=registry)

    def test_weights_of_priors_that_come_with_a_plugin(self, tmp_path: Path, noise: Callable[..., Audio]) -> None:
        noise(length=800).write(tmp_path / "mix.wav")
        config = {"chains": 1, "levels": 1, "steps": 1}
        sepkit.separate(tmp_path / "mix.wav", "flow-sgld", config=config).write(tmp_path / "out")
        first = bytes_of(tmp_path / "out")
        sepkit.repeat(tmp_path / "out").write(tmp_path / "again")
        assert bytes_of(tmp_path / "again") == first
        told = json.loads((tmp_path / "out" / "separation.json").read_text())
        told["weights"][0]["digest"] = "0" * 64
        (tmp_path / "out" / "separation.json").write_text(json.dumps(told))
        with pytest.raises(WeightsError, match=r"'flow-toy-waveforms' .* are not those of the record"):
            sepkit.repeat(tmp_path / "out")


def test_what_was_made_in_memory_has_to_be_given_again(registry: Registry, tmp_path: Path) -> None:
    tone = Audio(np.ones((1, 4000), np.float32), 8000)
    track = F0Track(np.arange(3.0), np.full(3, 100.0))
    known: dict[str, Any] = {"score": SCORE, "f0": {"low": track}, "references": {"low": tone}}
    sepkit.separate(tone, "shares", sources=["low", "high"], registry=registry, **known).write(tmp_path)
    with pytest.raises(ConfigError, match="mixture' was no file"):
        sepkit.repeat(tmp_path, registry=registry, **known)
    with pytest.raises(ConfigError, match="f0:low' was no file and cannot be read again; give one with f0="):
        sepkit.repeat(tmp_path, registry=registry, mixture=tone)
    again = sepkit.repeat(tmp_path, registry=registry, mixture=tone, **known)
    assert again.provenance.inputs == Record.read(tmp_path).inputs
    assert "the record's 'mixture' was no file" in call("run", "--from", tmp_path, "-o", tmp_path / "o").err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no record of a separation"),
        ("[]", "is no record of a separation"),
        ('{"files": {}}', "is no record of a separation"),
        ("[" * 200 + "]" * 200, "nested more than 50 levels deep"),
        ('{"method": "nmf"}', "a record of form 'an older', and form 1 is wanted; separate anew"),
        ('{"method": "nmf", "format": 2}', "a record of form 2, and form 1 is wanted"),
        ('{"method": "nmf", "format": 1}', "a damaged record: folder: "),
    ],
)
def test_what_is_no_record_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "separation.json").write_text(text)
    done = call("run", "--from", tmp_path, "-o", tmp_path / "out")
    assert (done.code, len(done.complaints)) == (2, 1)
    assert words in done.err
    assert "separation.json" in done.err


def test_there_has_to_be_something_to_separate(tmp_path: Path) -> None:
    assert "give METHOD and MIX, or a record with --from" in call("run", "nmf", "-o", tmp_path).err
    assert "cannot read a record from" in call("run", "--from", tmp_path / "absent", "-o", tmp_path).err
