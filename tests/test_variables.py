"""Variables as files: what is written, that it is read back, and what cannot be."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Atom, Audio, Domain, Note, Problem, Score
from sepkit.errors import ConfigError
from sepkit.problem import Variables
from sepkit.problem.variables_file import read_variables, write_variables
from tests.commandline import QUICK, call, files_below, record
from tests.playing import play

SCORE = Score([Note(0.1, 0.6, 60, part="low"), Note(0.4, 0.9, 76, part="high"), Note(0.9, 1.3, 64, part="low")])
MIXTURE = play(SCORE)
ATOMS = (Atom("voice", 60.5), Atom(None, None, transient=True))


def variables(**values: Any) -> Variables:
    axes = {"bins_hz": np.array([0.0, 100.0, 200.0]), "frames_s": np.array([0.0, 0.5, 1.0, 1.5])}
    layout = Problem(Audio(np.zeros((1, 100)), 8000), ("a", "b")).layout(atoms=ATOMS, **axes)
    given = {Domain.TEMPLATES: np.ones((3, 2)), Domain.ACTIVATIONS: np.arange(8.0).reshape(2, 4)}
    return Variables(layout, {**given, Domain.F0: np.full((2, 4), 100.0)})


def factors(path: Path, **changes: Any) -> Path:
    """The file of a quick run of `nmf` on the mixture, with arrays changed or, where None, left out."""
    separation = sepkit.separate(MIXTURE, "nmf", sources=["a", "b"], config=FAST, keep_variables=True)
    assert separation.variables is not None
    write_variables(path, separation.variables)
    with np.load(path) as file:
        arrays = {**file, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


FAST: dict[str, Any] = {"rank": 4, "iterations": 3, "window_s": 0.023}


def test_a_separation_that_keeps_them_can_be_pickled() -> None:
    separation = sepkit.separate(MIXTURE, "nmf", sources=["a", "b"], config=FAST, keep_variables=True)
    kept, again = separation.variables, pickle.loads(pickle.dumps(separation)).variables
    assert kept is not None
    assert again.layout.atoms == kept.layout.atoms
    assert again.values.keys() == kept.values.keys()
    for domain, value in kept.values.items():
        np.testing.assert_array_equal(again.values[domain], value)


def test_values_come_with_their_axes(tmp_path: Path) -> None:
    write_variables(tmp_path / "v.npz", variables())
    with np.load(tmp_path / "v.npz", allow_pickle=False) as file:
        shapes = {name: file[name].shape for name in file}
        assert shapes == {
            "templates": (3, 2),
            "activations": (2, 4),
            "f0": (2, 4),
            "sample_rate": (),
            "sources": (2,),
            "bins_hz": (3,),
            "frames_s": (4,),
            "atom_sources": (2,),
            "atom_pitches": (2,),
            "atom_transients": (2,),
        }
        assert file["sources"].tolist() == ["a", "b"]
    stored = read_variables(tmp_path / "v.npz")
    assert (stored.atoms, stored.sample_rate) == (ATOMS, 8000)
    np.testing.assert_array_equal(stored.values["activations"], np.arange(8.0).reshape(2, 4))


def test_equal_variables_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_variables(tmp_path / name, variables())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


METHODS: dict[str, dict[str, Any]] = {
    "nmf": {"sources": ["a", "b"], "config": FAST},
    "score-nmf": {"score": SCORE, "config": {"iterations": 3, "window_s": 0.023}},
}


@pytest.mark.parametrize("method", METHODS)
def test_fed_back_without_iterations_they_give_the_same_stems(method: str, tmp_path: Path) -> None:
    asked = METHODS[method]
    first = sepkit.separate(MIXTURE, method, **asked, keep_variables=True)
    first.write(tmp_path, variables=True)
    config = {**asked["config"], "iterations": 0, "start": tmp_path / "variables.npz"}
    second = sepkit.separate(MIXTURE, method, **{**asked, "config": config})
    assert list(second) == list(first)
    for name, stem in first.items():
        np.testing.assert_array_equal(second[name].samples, stem.samples)
    assert f"{method}: start" in second.provenance.inputs


@pytest.mark.parametrize("method", METHODS)
def test_edited_factors_are_used(method: str, tmp_path: Path) -> None:
    asked = METHODS[method]
    first = sepkit.separate(MIXTURE, method, **asked, keep_variables=True)
    first.write(tmp_path, variables=True)
    silenced = next(iter(first))
    with np.load(tmp_path / "variables.npz") as file:
        arrays = dict(file)
    arrays["activations"][arrays["atom_sources"] == silenced] = 0
    np.savez(tmp_path / "edited.npz", **arrays)
    config = {**asked["config"], "iterations": 0, "start": tmp_path / "edited.npz"}
    edited = sepkit.separate(MIXTURE, method, **{**asked, "config": config})
    assert np.abs(first[silenced].samples).max() > 1e-3
    assert np.abs(edited[silenced].samples).max() == 0


def test_atoms_change_sides_when_their_source_is_edited(tmp_path: Path) -> None:
    file = factors(tmp_path / "v.npz")
    config = {**FAST, "iterations": 0, "start": file}
    first = sepkit.separate(MIXTURE, "nmf", config=config)
    assert set(first) == {"a", "b"}
    with np.load(file) as stored:
        swapped = np.where(stored["atom_sources"] == "a", "b", "a")
    factors(file, atom_sources=swapped)
    second = sepkit.separate(MIXTURE, "nmf", sources=["a", "b"], config=config)
    for one, other in (("a", "b"), ("b", "a")):
        np.testing.assert_allclose(second[one].samples, first[other].samples, atol=1e-6)


def test_what_is_not_given_starts_as_it_would_otherwise(tmp_path: Path) -> None:
    first = sepkit.separate(MIXTURE, "score-nmf", **METHODS["score-nmf"], keep_variables=True)
    first.write(tmp_path, variables=True)
    with np.load(tmp_path / "variables.npz") as file:
        templates = file["templates"]
    np.savez(tmp_path / "own.npz", templates=templates)
    config = {**METHODS["score-nmf"]["config"], "start": tmp_path / "own.npz"}
    assert list(sepkit.separate(MIXTURE, "score-nmf", score=SCORE, config=config)) == list(first)


class Pickled:
    def __reduce__(self) -> tuple[Any, ...]:
        raise AssertionError("it was unpickled")


def archive(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"templates": np.ones((5, 4))}, "'templates' in .* needs shape .* given \\(5, 4\\)"),
        (
            {"templates": np.ones((257, 3)), "activations": None},
            "has 3 atoms in 'templates', and tells the sources of 4",
        ),
        ({"templates": np.ones(257)}, "needs two dimensions and atoms"),
        ({"sample_rate": np.array(8000)}, "of a mixture at 8000 Hz, and this is at 16000 Hz"),
        ({"bins_hz": np.linspace(0, 4000, 257)}, "bins_hz of .* are not those of this mixture and window"),
        ({"templates": np.full((257, 4), np.nan)}, "'templates' in .* holds NaN"),
        ({"templates": np.full((257, 4), -1.0)}, "needs values from 0"),
        ({"templates": np.full((257, 4), 1j)}, "needs to be real numbers"),
        ({"atom_sources": np.array(["a", "b", "c", "c"])}, "atoms in .* belong to 'c', which is not among"),
        ({"atom_pitches": None}, "of one length, or none of them"),
        ({"templates": None, "activations": None}, "holds neither 'templates' nor 'activations'"),
    ],
)
def test_wrong_contents_are_one_clear_error(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    file = factors(tmp_path / "v.npz", **change)
    with pytest.raises(ConfigError, match=words):
        sepkit.separate(MIXTURE, "nmf", sources=["a", "b"], config={**FAST, "start": file})


def test_factors_of_another_score_are_refused(tmp_path: Path) -> None:
    sepkit.separate(MIXTURE, "score-nmf", **METHODS["score-nmf"], keep_variables=True).write(tmp_path, variables=True)
    config = {**METHODS["score-nmf"]["config"], "start": tmp_path / "variables.npz"}
    other = Score([*SCORE.notes, Note(0.2, 0.4, 50, part="low")])
    with pytest.raises(ConfigError, match="are not those of this score"):
        sepkit.separate(MIXTURE, "score-nmf", score=other, config=config)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        archive(templates=np.ones((257, 4)))[:2000],
        archive(templates=np.array([Pickled.__name__, None], object)),
        pickle.dumps({"templates": 1}),
        archive(templates=np.ones((257, 4))).replace(b"(257, 4)", b"(99999,)"),
    ],
    ids=["empty", "text", "truncated", "object array", "pickle", "shape beyond its data"],
)
def test_damaged_and_pickled_files_are_one_clear_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "v.npz").write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot read .*v\.npz as a NumPy \.npz file of variables: "):
        read_variables(tmp_path / "v.npz")


def test_the_command_line_saves_them_and_the_record_lists_them(tmp_path: Path) -> None:
    mixture = record(tmp_path / "mix.wav")
    run = ("run", "nmf", mixture, "-o", tmp_path / "out", *QUICK)
    assert call(*run, "--save-variables").err == ""
    assert "mix/variables.npz" in files_below(tmp_path / "out")
    told = json.loads((tmp_path / "out" / "mix" / "separation.json").read_text())
    assert told["digests"].keys() == {"component-1.wav", "component-2.wav", "variables.npz"}
    assert told["outputs"]["variables"]
    again = call("run", "--from", tmp_path / "out" / "mix", "-o", tmp_path / "again")
    assert (again.code, again.err) == (0, "")
    same = [(tmp_path / place / "mix" / "variables.npz").read_bytes() for place in ("out", "again")]
    assert same[0] == same[1]
    assert call(*run).code == 0
    assert files_below(tmp_path / "out") == ["mix", *(f"mix/component-{n}.wav" for n in (1, 2)), "mix/separation.json"]


def test_a_method_without_variables_says_so(tmp_path: Path, noise: Callable[..., Audio]) -> None:
    done = call("run", "mixture", record(tmp_path / "mix.wav"), "-o", tmp_path, "--sources", "a", "--save-variables")
    assert (done.code, len(done.complaints)) == (0, 1)
    assert "method 'mixture' has no variables to save" in done.err
    with pytest.raises(ConfigError, match="method 'mixture' kept no variables to write"):
        sepkit.separate(noise(), "mixture", sources=["a"]).write(tmp_path / "out", variables=True)
