"""Bad input: one line that says what is wrong, the right exit code, and nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio
from tests.commandline import QUICK, Outcome, call, files_below, hum, record
from tests.distributions import install


@pytest.fixture(autouse=True)
def _good(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, "good")
    monkeypatch.chdir(tmp_path)
    record(Path("mix.wav"))


def refused(done: Outcome, code: int, *words: str, out: Path = Path("out")) -> None:
    """The call ended as a mistake ends: one line, no traceback, nothing on stdout, nothing left."""
    assert done.code == code, done.err
    assert done.out == ""
    assert len(done.complaints) == 1, done.err
    assert done.err.startswith("sepkit: ")
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err
    assert files_below(out) == []
    assert list(Path().rglob("*.partial*")) == []


# Recordings.


def _not_a_number() -> None:
    samples = hum()
    samples[17] = np.nan
    record(Path("bad.wav"), samples)


def _infinite() -> None:
    samples = hum()
    samples[17] = np.inf
    record(Path("bad.wav"), samples)


def _text() -> None:
    Path("bad.wav").write_text("I am a poem.\n" * 100)


def _without_samples() -> None:
    record(Path("bad.wav"), np.zeros((0, 1), np.float32))


def _without_bytes() -> None:
    Path("bad.wav").write_bytes(b"")


def _header_only() -> None:
    record(Path("whole.wav"))
    Path("bad.wav").write_bytes(Path("whole.wav").read_bytes()[:20])


def _folder() -> None:
    Path("bad.wav").mkdir()


def _missing() -> None:
    pass


BAD_RECORDINGS: list[tuple[Callable[[], None], tuple[str, ...]]] = [
    (_not_a_number, ("bad.wav", "finite", "NaN")),
    (_infinite, ("bad.wav", "finite", "infinite")),
    (_text, ("bad.wav", "as audio", "WAV, FLAC")),
    (_without_samples, ("bad.wav", "no samples")),
    (_without_bytes, ("bad.wav", "as audio")),
    (_header_only, ("bad.wav",)),
    (_folder, ("bad.wav",)),
    (_missing, ("no such audio file", "bad.wav")),
]


@pytest.mark.parametrize(("make", "words"), BAD_RECORDINGS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("method", ["halve", "nmf"])
def test_a_bad_recording_is_refused(make: Callable[[], None], words: tuple[str, ...], method: str) -> None:
    make()
    refused(call("run", method, "bad.wav", "-o", "out"), 2, *words)


def _silent() -> np.ndarray:
    return np.zeros((2000, 1), np.float32)


@pytest.mark.parametrize(
    ("samples", "sample_rate", "subtype"),
    [
        pytest.param(_silent(), 8000, "FLOAT", id="silence"),
        pytest.param(hum()[:1], 8000, "FLOAT", id="one sample"),
        pytest.param(hum()[:1] * 0, 8000, "FLOAT", id="one silent sample"),
        pytest.param(hum(), 8000, "PCM_16", id="8 kHz mono"),
        pytest.param(hum(sample_rate=96_000, channels=6), 96_000, "FLOAT", id="96 kHz in six channels"),
        pytest.param(hum(sample_rate=44_100, channels=2), 44_100, "PCM_24", id="24 bits"),
        pytest.param(hum(sample_rate=22_050), 22_050, "PCM_U8", id="8 bits"),
        pytest.param(hum() * 100, 8000, "FLOAT", id="far above full scale"),
        pytest.param(hum() * 1e-30, 8000, "FLOAT", id="hardly there"),
        pytest.param(hum(sample_rate=11_127), 11_127, "PCM_16", id="an odd sample rate"),
    ],
)
def test_an_unusual_recording_works_and_the_stems_are_like_it(
    samples: np.ndarray, sample_rate: int, subtype: str
) -> None:
    mixture = Audio.read(record(Path("odd.wav"), samples, sample_rate, subtype))
    constraint = ("--constraint", "mixture-consistency")
    done = call("run", "nmf", "odd.wav", "-o", "out", "--sources", "a,b", *QUICK, *constraint)
    assert done.code == 0
    assert all(line.startswith("sepkit: note on odd.wav: ") for line in done.complaints)
    stems = [Audio.read(Path("out/odd") / f"{source}.wav") for source in "ab"]
    for stem in stems:
        assert stem.samples.shape == mixture.samples.shape
        assert stem.sample_rate == sample_rate
    total = np.sum([stem.samples for stem in stems], axis=0)
    scale = float(np.abs(mixture.samples).max())
    np.testing.assert_allclose(total, mixture.samples, rtol=0, atol=1e-6 * scale)


def test_silence_gives_silent_stems() -> None:
    record(Path("silent.wav"), _silent())
    assert call("run", "nmf", "silent.wav", "-o", "out", "--sources", "a,b", *QUICK).code == 0
    for source in "ab":
        assert not Audio.read(Path("out/silent") / f"{source}.wav").samples.any()


# Options.

RUN = ("run", "nmf", "mix.wav", "-o", "out")

BAD_CALLS = {
    "rank of nothing": ((*RUN, "--set", "rank=0"), ("method 'nmf'", "rank", "greater than or equal to 1", "given 0")),
    "rank in letters": ((*RUN, "--set", "rank=abc"), ("rank", "integer", "given 'abc'")),
    "a fraction for a whole number": ((*RUN, "--set", "rank=2.5"), ("rank", "integer", "given 2.5")),
    "NaN": ((*RUN, "--set", "beta=NaN"), ("beta", "finite", "given nan")),
    "two wrong options at once": ((*RUN, "--set", "rank=0", "--set", "beta=9"), ("rank", "beta")),
    "options that do not go together": ((*RUN, "--set", "solver=hals"), ("solver hals needs beta 2",)),
    "an option that does not exist": ((*RUN, "--set", "rnak=2"), ("no option 'rnak'", "rank")),
    "no value": ((*RUN, "--set", "rank"), ("--set needs KEY=VALUE, given 'rank'",)),
    "no key": ((*RUN, "--set", "=2"), ("--set needs KEY=VALUE, given '=2'",)),
    "a key below a value": ((*RUN, "--set", "rank=2", "--set", "rank.x=2"), ("'rank' is one value",)),
    "a key below what is no table": ((*RUN, "--set", "rank.x=2"), ("rank", "integer")),
    "an option of no command": ((*RUN, "--iterations", "3"), ("No such option", "--iterations", "sepkit run --help")),
    "a flag without its value": ((*RUN, "--seed"), ("--seed", "requires an argument")),
    "no output folder": (("run", "nmf", "mix.wav"), ("Missing option '-o'", "sepkit run --help")),
    "no mixture": (("run", "nmf", "-o", "out"), ("give METHOD and MIX",)),
    "unknown method": (("run", "nfm", "mix.wav", "-o", "out"), ("no method 'nfm' is installed", "did you mean nmf?")),
    "unknown prior": ((*RUN, "--prior", "sparsty"), ("no prior 'sparsty' is installed", "did you mean sparsity?")),
    "constraint as prior": ((*RUN, "--prior", "mixture-consistency"), ("no prior 'mixture-consistency'",)),
    "unknown constraint": ((*RUN, "--constraint", "sum"), ("no constraint 'sum'", "mixture-consistency")),
    "prior without a value": ((*RUN, "--prior", "sparsity:weight"), ("key=value", "given 'weight'")),
    "prior out of bounds": ((*RUN, "--prior", "sparsity:weight=-1"), ("prior 'sparsity'", "weight", "given -1")),
    "prior with an unknown option": ((*RUN, "--prior", "sparsity:wait=1"), ("no option 'wait'", "weight")),
    "empty prior": ((*RUN, "--prior", ""), ("no prior ''",)),
    "prior that the method cannot host": (
        (*RUN, "--prior", "quiet"),
        ("method 'nmf' does not fit", "prior 'quiet' speaks of waveforms", "activations, templates", "halve"),
    ),
    "score that is needed and not given": (
        ("run", "halve-by-score", "mix.wav", "-o", "out"),
        ("needs score", "--score", "halve"),
    ),
    "F0 that is needed and not given": (("run", "halve-by-f0", "mix.wav", "-o", "out"), ("needs f0", "--f0")),
    "all mismatches at once": (
        ("run", "halve-by-score", "mix.wav", "-o", "out", "--prior", "sparsity", "--device", "cuda"),
        ("needs score", "prior 'sparsity'", "cuda"),
    ),
    "missing score": ((*RUN, "--score", "none.mid"), ("no such score", "none.mid")),
    "score that is none": ((*RUN, "--score", "poem.mid"), ("poem.mid", "MIDI")),
    "score of an unknown kind": ((*RUN, "--score", "mix.wav"), ("mix.wav", ".musicxml")),
    "missing F0": ((*RUN, "--f0", "none.csv"), ("none.csv", "no such F0 track")),
    "F0 that is none": ((*RUN, "--f0", "poem.mid"), ("poem.mid", "F0")),
    "folder without F0": ((*RUN, "--f0", "empty"), ("empty", "<source>.csv")),
    "missing weights": ((*RUN, "--weights", "none"), ("weights", "none")),
    "missing config": ((*RUN, "--config", "none.json"), ("none.json", "No such file")),
    "config that is a folder": ((*RUN, "--config", "empty"), ("empty", "directory")),
    "config that is no JSON": ((*RUN, "--config", "poem.mid"), ("poem.mid", "cannot read options")),
    "config that is no text": ((*RUN, "--config", "mix.wav"), ("mix.wav", "cannot read options")),
    "config that is no object": ((*RUN, "--config", "list.json"), ("list.json", "one JSON object")),
    "config with a wrong value": ((*RUN, "--config", "wrong.json"), ("rank", "given 'many'")),
    "the same source twice": ((*RUN, "--sources", "a,b,a"), ("sources", "distinct", "'a', 'b', 'a'")),
    "an empty source": ((*RUN, "--sources", "a,,b"), ("sources", "empty")),
    "more sources than atoms": ((*RUN, "--sources", "a,b,c", *QUICK), ("3 sources", "rank", "given 2")),
    "example of a source not asked for": (
        (*RUN, "--sources", "a", "--example", "b=mix.wav"),
        ("examples", "'b'", "not among the sources a"),
    ),
    "example without a name": ((*RUN, "--example", "mix.wav"), ("--example needs NAME=PATH", "'mix.wav'")),
    "missing example": ((*RUN, "--example", "a=none.wav"), ("none.wav",)),
    "example that is no recording": ((*RUN, "--example", "a=poem.mid"), ("poem.mid", "as audio")),
    "folder without examples": ((*RUN, "--example", "a=empty"), ("empty", "no audio files")),
    "statement that can say nothing": (
        (*RUN, "--prior", "harmonic-templates"),
        ("prior 'harmonic-templates' can say nothing", "score-nmf"),
    ),
    "missing start": ((*RUN, "--set", "start=none.npz"), ("none.npz",)),
    "start that is none": ((*RUN, "--set", "start=mix.wav"), ("mix.wav", ".npz")),
    "accelerator for a NumPy method": ((*RUN, "--device", "cuda"), ("runs on the CPU", "cuda")),
    "negative seed": ((*RUN, "--seed", "-1"), ("--seed", "-1")),
    "seed in letters": ((*RUN, "--seed", "lucky"), ("--seed", "lucky")),
    "unknown progress": ((*RUN, "--progress", "loud"), ("--progress", "loud", "json")),
    "output below a file": (("run", "nmf", "mix.wav", "-o", "mix.wav/out"), ("mix.wav/out", "-o")),
    "output that is a file": (("run", "nmf", "mix.wav", "-o", "mix.wav"), ("mix.wav", "-o")),
    "two mixtures of one name": (
        ("run", "halve", "mix.wav", "empty/../mix.wav", "-o", "out"),
        ("mix.wav and empty/../mix.wav", "share the folder out/mix"),
    ),
    "a missing mixture among good ones": (("run", "halve", "mix.wav", "none.wav", "-o", "out"), ("none.wav",)),
}


@pytest.mark.parametrize(("arguments", "words"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    Path("poem.mid").write_text("I am a poem,\nand no score.\n")
    Path("list.json").write_text("[1, 2]")
    Path("wrong.json").write_text('{"rank": "many"}')
    Path("empty").mkdir()
    before = sorted(Path().rglob("*"))
    refused(call(*arguments), 2, *words)
    assert [path for path in sorted(Path().rglob("*")) if path not in before and path != Path("out")] == []


@pytest.mark.parametrize("fault", ["raise", "exit"])
def test_a_method_that_fails_is_a_fault_of_its_own(fault: str) -> None:
    done = call("run", "halve", "mix.wav", "-o", "out", "--set", f"fault={fault}")
    refused(done, 1, "method 'halve' failed", "on purpose")


NAMES = ["../../x", "/etc/x", "..", ".", "a/b", "a\\b", "a:b*?", "CON", "caf\udce9", " x ", "~", "x" * 300, "音" * 200]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_of_sources_never_lead_out_of_the_folder(name: str) -> None:
    done = call("run", "halve", "mix.wav", "-o", "deep/out", "--sources", f"{name},other")
    assert (done.code, done.err) == (0, "")
    files = [path for path in Path().rglob("*") if path.is_file()]
    folder = Path("deep/out/mix")
    assert {path.parent for path in files} == {Path(), folder}
    assert len(list(folder.iterdir())) == 3
    written = json.loads((folder / "separation.json").read_text(encoding="utf-8"))
    assert written["sources"] == [name.strip(), "other"]
    for file in written["files"].values():
        assert Path(file).name == file
        assert (folder / file).is_file()


@pytest.mark.parametrize("names", [("a/b", "a_b"), ("Voice", "voice"), ("a:", "a?")])
def test_sources_whose_files_would_be_the_same_get_files_of_their_own(names: tuple[str, str]) -> None:
    assert call("run", "halve", "mix.wav", "-o", "out", "--sources", ",".join(names)).code == 0
    files = json.loads(Path("out/mix/separation.json").read_text())["files"]
    assert list(files) == list(names)
    assert len({file.casefold() for file in files.values()}) == 2
