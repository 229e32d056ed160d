from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sepkit import Audio, Provenance, Separation
from sepkit.errors import ConfigError, WriteError
from sepkit.solving import writing

NoiseOf = Callable[..., Audio]


def provenance(**changes: Any) -> Provenance:
    plain = Provenance(
        method="fake",
        plugin={"name": None, "distribution": None, "version": None},
        versions={},
        config={},
        seed=0,
        device="cpu",
        sample_rate=8000,
        channels=2,
        samples=4000,
        sources=("voice", "../guitar"),
        seconds=0.1,
    )
    return dataclasses.replace(plain, **changes)


@pytest.fixture
def separation(noise: NoiseOf) -> Separation:
    stems = {"voice": noise(2, seed=1), "../guitar": noise(2, seed=2)}
    return Separation(noise(2), stems, provenance())


def _separation(mixture: float, **stems: float) -> Separation:
    """Constant signals, whose remix can be told by heart."""
    signals = {name: Audio(np.full((1, 10), level, np.float32), 8000) for name, level in stems.items()}
    return Separation(Audio(np.full((1, 10), mixture, np.float32), 8000), signals, provenance())


def strict_json(path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


class TestSeparation:
    def test_is_a_mapping_in_order(self, separation: Separation) -> None:
        assert list(separation) == ["voice", "../guitar"] == list(separation.sources)
        assert len(separation) == 2
        assert separation["voice"] is separation.stems["voice"]
        assert "piano" not in separation
        with pytest.raises(KeyError):
            separation["piano"]

    def test_stems_and_residual_sum_to_the_mixture(self, separation: Separation) -> None:
        total = sum(stem.samples for stem in separation.values()) + separation.residual.samples
        np.testing.assert_allclose(total, separation.mixture.samples, atol=1e-6)

    def test_residual_of_perfect_stems_is_silence(self, noise: NoiseOf) -> None:
        mixture = noise(2)
        half = Audio(mixture.samples / 2, 8000)
        np.testing.assert_array_equal(Separation(mixture, {"a": half, "b": half}, provenance()).residual.samples, 0)


class TestWriting:
    def test_files_stay_in_the_folder_and_hold_the_stems(self, separation: Separation, tmp_path: Path) -> None:
        folder = tmp_path / "out"
        files = separation.write(folder)
        assert list(files) == list(separation)
        assert {path.name for path in tmp_path.iterdir()} == {"out"}
        assert set(folder.iterdir()) == {*files.values(), folder / "separation.json"}
        for source, path in files.items():
            np.testing.assert_array_equal(Audio.read(path).samples, separation[source].samples)

    def test_record_says_how_they_came_about_and_where_they_are(self, separation: Separation, tmp_path: Path) -> None:
        files = separation.write(tmp_path)
        record = strict_json(tmp_path / "separation.json")
        assert record["files"] == {source: path.name for source, path in files.items()}
        assert record["sources"] == ["voice", "../guitar"]
        assert set(record) == {field.name for field in dataclasses.fields(Provenance)} | {
            "format",
            "outputs",
            "folder",
            "files",
            "digests",
            "request",
        }

    def test_record_holds_the_digest_of_every_file(self, separation: Separation, tmp_path: Path) -> None:
        spread = {"voice": Audio(np.abs(separation["voice"].samples), 8000)}
        dataclasses.replace(separation, uncertainty=spread).write(tmp_path)
        digests = strict_json(tmp_path / "separation.json")["digests"]
        written = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.wav")}
        assert len(written) == 3
        assert digests == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in written.items()}

    def test_what_was_learned_is_written_and_goes_with_the_next_result(
        self, separation: Separation, tmp_path: Path
    ) -> None:
        class Learned:
            def write(self, folder: Path) -> None:
                (folder / "model.json").write_text("{}", encoding="utf-8")
                (folder / "model.safetensors").write_bytes(b"tensors")

        dataclasses.replace(separation, learned=Learned()).write(tmp_path)
        digests = strict_json(tmp_path / "separation.json")["digests"]
        assert digests["model.safetensors"] == hashlib.sha256(b"tensors").hexdigest()
        assert (tmp_path / "model.json").read_text(encoding="utf-8") == "{}"
        (tmp_path / "model.txt").write_text("mine", encoding="utf-8")
        separation.write(tmp_path)
        assert sorted(path.name for path in tmp_path.glob("model*")) == ["model.txt"]

    def test_what_the_record_before_lists_is_removed_and_nothing_else(
        self, separation: Separation, tmp_path: Path
    ) -> None:
        spread = {name: Audio(np.abs(stem.samples), 8000) for name, stem in separation.items()}
        dataclasses.replace(separation, uncertainty=spread).write(tmp_path)
        (tmp_path / "mine.wav").write_text("mine")
        (tmp_path / "uncertainty" / "mine.wav").write_text("mine")
        dataclasses.replace(separation, stems={"piano": separation["voice"]}).write(tmp_path)
        assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()) == [
            "mine.wav",
            "piano.wav",
            "separation.json",
            "uncertainty/mine.wav",
        ]

    @pytest.mark.parametrize(
        "listed",
        ["../mine.wav", "/{}/mine.wav", "deep/mine.wav", "notes.txt", "a\\..\\mine.wav", "folder.wav", 3, None, ["a"]],
        ids=str,
    )
    def test_a_strangers_record_removes_nothing_else(
        self, separation: Separation, tmp_path: Path, listed: object
    ) -> None:
        folder = tmp_path / "out"
        for path in (tmp_path / "mine.wav", folder / "deep" / "mine.wav", folder / "notes.txt"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("mine")
        (folder / "folder.wav").mkdir()
        listed = listed.format(tmp_path) if isinstance(listed, str) else listed
        record = {"files": {"a": listed}, "digests": {str(listed): ""}}
        (folder / "separation.json").write_text(json.dumps(record))
        separation.write(folder)
        assert len(list(tmp_path.rglob("mine.wav"))) == 2
        assert (folder / "notes.txt").exists()
        assert (folder / "folder.wav").is_dir()

    @pytest.mark.parametrize("text", ["", "[]", "{", '{"files": 3}', "[" * 100_000, '{"files": {"a": "b.wav"}', "null"])
    def test_a_record_that_cannot_be_read_is_replaced(self, separation: Separation, tmp_path: Path, text: str) -> None:
        (tmp_path / "separation.json").write_text(text)
        (tmp_path / "b.wav").write_text("mine")
        separation.write(tmp_path)
        assert strict_json(tmp_path / "separation.json")["method"] == "fake"
        assert (tmp_path / "b.wav").read_text() == "mine"

    def test_record_is_strict_json_even_when_a_cost_diverged(self, separation: Separation, tmp_path: Path) -> None:
        wild = provenance(
            traces={"cost": [1.0, math.inf, math.nan]}, constraints=({"name": "x", "violation": math.inf},)
        )
        dataclasses.replace(separation, provenance=wild).write(tmp_path)
        record = strict_json(tmp_path / "separation.json")
        assert record["traces"] == {"cost": [1.0, None, None]}
        assert record["constraints"] == [{"name": "x", "violation": None}]

    def test_writing_again_replaces(self, separation: Separation, tmp_path: Path) -> None:
        separation.write(tmp_path)
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        separation.write(tmp_path)
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

    @pytest.mark.parametrize("inside", ["", "out", "deep/out"])
    def test_below_or_at_a_file(self, separation: Separation, regular_file: Path, inside: str) -> None:
        with pytest.raises(WriteError):
            separation.write(regular_file / inside)
        assert list(regular_file.parent.iterdir()) == [regular_file]

    def test_failing_midway_leaves_nothing(
        self, separation: Separation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        encode = writing.encode

        def fail_on_second(samples: NDArray[np.float32], rate: int, path: Path, *given: Any, **named: Any) -> None:
            if samples is separation["../guitar"].samples:
                raise WriteError(str(path), "the disk is full")
            encode(samples, rate, path, *given, **named)

        monkeypatch.setattr(writing, "encode", fail_on_second)
        with pytest.raises(WriteError, match="full"):
            separation.write(tmp_path / "out")
        assert list(tmp_path.iterdir()) == []


def test_a_remix_scales_stems_and_keeps_the_residual() -> None:
    separation = _separation(a=0.5, b=0.25, mixture=1.0)
    assert np.allclose(separation.remix({"a": 0}).samples, separation.mixture.samples)
    assert np.allclose(separation.without("a").samples, 0.5)
    assert np.allclose(separation.without("a", "b").samples, separation.residual.samples)
    louder = separation.remix({"b": 20 * np.log10(2)})
    assert np.allclose(louder.samples, 1.25, atol=1e-6)


def test_a_stem_is_found_however_its_name_is_spelt() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    separation = _separation(**{composed: 0.5}, mixture=1.0)
    assert separation[decomposed] is separation[composed]
    assert np.allclose(separation.without(decomposed).samples, 0.5)


@pytest.mark.parametrize("gains", [{"c": 0.0}, {"a": float("nan")}, {"a": float("inf")}])
def test_a_remix_refuses_what_it_cannot_do(gains: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        _separation(a=0.5, mixture=1.0).remix(gains)


def test_outputs_are_written_in_place_of_stems(tmp_path: Path) -> None:
    separation = _separation(**{"../one": 0.5}, mixture=1.0)
    files = separation.write(tmp_path / "out", without=["../one"])
    assert [file.name for file in files.values()] == [path.name for path in (tmp_path / "out").glob("*.wav")]
    record = strict_json(tmp_path / "out" / "separation.json")
    assert record["files"] == {"without_../one": files["without_../one"].name}
    outputs = {"only": [], "without": ["../one"], "gains_db": {}, "variables": False, "score": False, "picture": False}
    assert record["outputs"] == {**outputs, "format": "wav", "subtype": None, "too_loud": "refuse"}


@pytest.mark.parametrize(
    ("stem", "made"), [("without_a", {"without": ["a"]}), ("remix", {"gains_db": {"a": 3.0}})], ids=["without", "remix"]
)
def test_a_stem_that_is_called_like_what_is_made_is_not_lost(stem: str, made: dict[str, Any], tmp_path: Path) -> None:
    separation = _separation(**{"a": 0.5, stem: 0.25}, mixture=1.0)
    with pytest.raises(ConfigError, match=f"a stem is called '{stem}', as is what is made of others"):
        separation.write(tmp_path / "out", only=["a", stem], **made)
    assert not (tmp_path / "out").exists()
    assert set(separation.write(tmp_path / "out", **made)) == {stem}


def test_its_repr_fits_one_line_however_many_stems_there_are() -> None:
    audio = Audio(np.zeros((2, 8000), np.float32), 8000)
    few = Separation(audio, {"voice": audio, "x" * 500: audio}, provenance(remarks=("one",)))
    assert repr(few).startswith("Separation(2 stems: 'voice', 'xxxxxxxxxxxxxxxxxxx…' by ")
    assert repr(few).endswith(f"of {audio}, 1 remark)")
    many = Separation(audio, {f"stem {number}": audio for number in range(1000)}, provenance())
    assert len(repr(many)) < 300
