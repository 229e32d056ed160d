"""Digests: equal for equal contents and other for others, of everything that a separation is made from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from sepkit import Audio, Config, F0Track, Note, Registry, Score, separate
from sepkit.errors import ConfigError
from sepkit.solving.digests import digest, digest_arrays, digest_file, digest_folder, digest_paths
from sepkit.solving.versions import versions_of

TONE = Audio(np.ones((2, 100), np.float32), 8000)
NOTES = (Note(0, 1, 60), Note(1, 2, 62.5, 80, "voice"))


class Nested(Config):
    table: Path | None = None


class Options(Config):
    weights: Path | None = None
    several: tuple[Path, ...] = ()
    by_name: dict[str, Nested] = Field({})
    title: str = ""


class TestOfFiles:
    def test_a_file_is_what_is_in_it(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"content" * 500_000)
        assert digest_file(tmp_path / "a") == hashlib.sha256(b"content" * 500_000).hexdigest()

    def test_a_folder_is_its_files_and_their_names_without_bytecode(self, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "b").write_text("2")
        (tmp_path / "a").write_text("1")
        expected = hashlib.sha256(b"a\x001deep/b\x002").hexdigest()
        assert digest_folder(tmp_path) == expected
        (tmp_path / "deep" / "__pycache__").mkdir()
        (tmp_path / "deep" / "__pycache__" / "b.pyc").write_text("3")
        assert digest_folder(tmp_path) == expected
        assert digest_folder(tmp_path, without={"deep"}) == hashlib.sha256(b"a\x001").hexdigest()

    def test_what_options_name_may_be_as_large_as_can_be_loaded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sepkit.solving.digests.MOST_BYTES", 10)
        (tmp_path / "a").write_bytes(bytes(6))
        (tmp_path / "b").write_bytes(bytes(4))
        assert digest_paths({"flow": Options(weights=tmp_path)})
        (tmp_path / "c").write_bytes(bytes(1))
        with pytest.raises(ConfigError, match=r"flow: weights: .* holds more than .* give the file or folder that"):
            digest_paths({"flow": Options(weights=tmp_path)})

    def test_what_options_name_is_found_however_deep(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        for name in ("a", "b", "folder/c"):
            (tmp_path / name).write_text(name)
        options = Options(
            weights=tmp_path / "folder",
            several=(tmp_path / "a", tmp_path / "absent"),
            by_name={"x": Nested(table=tmp_path / "b")},
            title=str(tmp_path / "a"),
        )
        found = digest_paths({"flow": options, "other": Nested()})
        assert found == {
            "flow: weights": digest_folder(tmp_path / "folder"),
            "flow: several.0": digest_file(tmp_path / "a"),
            "flow: by_name.x.table": digest_file(tmp_path / "b"),
        }

    def test_one_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"cannot read .*absent: No such file"):
            digest_file(tmp_path / "absent")


class TestOfData:
    def test_equal_ones_are_equal(self) -> None:
        assert digest(TONE) == digest(Audio(np.ones((2, 100), np.float32), 8000))
        assert digest(Score(NOTES)) == digest(Score(NOTES))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (TONE, Audio(TONE.samples, 16000)),
            (TONE, Audio(TONE.samples[:1], 8000)),
            (TONE, Audio(TONE.samples.reshape(4, 50), 8000)),
            (Score(NOTES), Score(NOTES[:1])),
            (Score(NOTES), Score((NOTES[0], Note(1, 2, 62.5, 80, "other")))),
            (F0Track(np.arange(2.0), np.array([1, np.nan])), F0Track(np.arange(2.0), np.array([1.0, 1.0]))),
        ],
        ids=["rate", "channels", "shape", "notes", "part", "voicing"],
    )
    def test_others_are_others(self, one: Any, other: Any) -> None:
        assert digest(one) != digest(other)

    @given(st.integers(0, 99), st.integers(0, 1))
    def test_every_sample_counts(self, index: int, channel: int) -> None:
        samples = TONE.samples.copy()
        samples[channel, index] = np.nextafter(np.float32(1), np.float32(2))
        assert digest(Audio(samples, 8000)) != digest(TONE)

    def test_neither_byte_order_nor_layout_counts(self) -> None:
        numbers = np.arange(12, dtype="<f4").reshape(3, 4)
        assert (
            digest_arrays(numbers) == digest_arrays(numbers.astype(">f4")) == digest_arrays(np.asfortranarray(numbers))
        )


class TestInTheRecord:
    def test_all_that_went_in_is_there(self, registry: Registry) -> None:
        track = F0Track(np.arange(3.0), np.full(3, 100.0))
        known: dict[str, Any] = {"score": Score(NOTES), "f0": {"a": track}, "references": {"a": TONE, "b": TONE}}
        separation = separate(
            TONE, "needy", sources=["a", "b"], registry=registry, weights=Path(__file__).parent, **known
        )
        assert separation.provenance.inputs == {
            "mixture": digest(TONE),
            "score": digest(Score(NOTES)),
            "f0:a": digest(track),
            "references:a": digest(TONE),
            "references:b": digest(TONE),
        }
        assert json.loads(json.dumps(separation.provenance.as_dict()))["inputs"] == separation.provenance.inputs

    def test_versions_are_those_of_all_that_takes_part(self) -> None:
        registry = Registry.discover()
        alone = versions_of(registry.separator("nmf"), [], registry)
        assert {"python", "sepkit", "numpy", "scipy", "soxr", "sepkit-nmf"} <= alone.keys()
        assert not {"torch", "sepkit-flow-sgld"} & alone.keys()
        with_flow = versions_of(registry.separator("nmf"), [registry.prior("flow").load()()], registry)
        assert {"torch", "safetensors", "sepkit-nmf", "sepkit-flow-sgld"} <= with_flow.keys()
