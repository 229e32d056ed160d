"""Weights as files: what is refused, in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from plugins.interleaved.tests import toys
from plugins.interleaved.tests.test_separator import untrained
from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint
from sepkit_interleaved.trained import Trained, digest_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    untrained("tiny", toys.RATE, 0.032, toys.KINDS).write(tmp_path / "weights")
    return tmp_path / "weights"


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Another training, of the same network."""
    trained = untrained("tiny", toys.RATE, 0.032, toys.KINDS)
    with torch.no_grad():
        trained.branches[0].encoder.scale[0] += 1
    trained.write(tmp_path / "others")
    return tmp_path / "others"


class TestFolders:
    def test_every_module_has_its_own(self, folder: Path) -> None:
        names = {"encoder", "decoder.notes", "decoder.hits", "decoder.whistle"}
        assert {place.name for place in folder.iterdir()} == names
        for name in names:
            assert {file.name for file in (folder / name).iterdir()} == {"model.json", "model.safetensors"}

    def test_what_is_written_is_read(self, folder: Path, tmp_path: Path) -> None:
        trained = toys.read(folder)
        assert trained.targets == toys.KINDS
        trained.write(tmp_path / "again")
        for file in folder.rglob("*.safetensors"):
            assert (tmp_path / "again" / file.relative_to(folder)).read_bytes() == file.read_bytes()

    def test_some_decoders_will_do(self, folder: Path) -> None:
        shutil.rmtree(folder / "decoder.hits")
        assert toys.read(folder).targets == ("notes", "whistle")

    def test_names_of_targets_stay_in_the_folder(self, tmp_path: Path) -> None:
        untrained("tiny", toys.RATE, 0.032, ("../../out", "a/b", "A/B")).write(tmp_path / "w")
        assert {place.parent for place in (tmp_path / "w").iterdir()} == {tmp_path / "w"}
        assert set(toys.read(tmp_path / "w").targets) == {"../../out", "a/b", "A/B"}

    def test_a_digest_is_of_weights_and_options(self, folder: Path, others: Path) -> None:
        one, other = (Checkpoint.read(place / "encoder", "interleaved") for place in (folder, others))
        assert digest_of(one) != digest_of(other)
        renamed = Checkpoint(one.method, one.config, ("x",), one.sample_rate, one.tensors, {"note": 1})
        assert digest_of(renamed) == digest_of(one)
        resampled = Checkpoint(one.method, one.config, one.sources, one.sample_rate + 1, one.tensors)
        assert digest_of(resampled) != digest_of(one)


class TestRefusals:
    def refused(self, folder: Path) -> str:
        with pytest.raises(WeightsError) as caught:
            Trained.read(folder, torch.device("cpu"))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_a_decoder_of_another_encoder(self, folder: Path, others: Path) -> None:
        shutil.rmtree(folder / "decoder.hits")
        shutil.copytree(others / "decoder.hits", folder / "decoder.hits")
        assert "was trained on another encoder" in self.refused(folder)

    def test_a_file_that_was_swapped(self, folder: Path) -> None:
        shutil.copy(folder / "decoder.notes/model.safetensors", folder / "decoder.hits/model.safetensors")
        assert "truncated, or changed since they were written" in self.refused(folder)

    def test_a_file_that_was_truncated(self, folder: Path) -> None:
        tensors = folder / "encoder/model.safetensors"
        tensors.write_bytes(tensors.read_bytes()[:-10])
        assert "truncated, or changed" in self.refused(folder)

    def test_a_decoder_of_several_targets(self, folder: Path) -> None:
        one = Checkpoint.read(folder / "decoder.hits", "interleaved")
        Checkpoint(one.method, one.config, ("hits", "bells"), one.sample_rate, one.tensors).write(
            folder / "decoder.hits"
        )
        assert "claims to be of hits, bells; a decoder is of one target" in self.refused(folder)

    def test_one_target_twice(self, folder: Path) -> None:
        shutil.copytree(folder / "decoder.hits", folder / "decoder.again")
        assert "two folders" in self.refused(folder)

    def test_a_newer_format(self, folder: Path) -> None:
        record = folder / "decoder.hits/model.json"
        record.write_text(json.dumps({**json.loads(record.read_text()), "format": 99}))
        assert "weights of format 99, this sepkit reads 1; update sepkit" in self.refused(folder)

    def test_those_of_another_method(self, folder: Path) -> None:
        Checkpoint("other", {}, ("a",), toys.RATE, {"w": torch.zeros(1)}).write(folder / "decoder.hits")
        assert "weights of 'other', wanted are those of 'interleaved'" in self.refused(folder)

    def test_networks_of_different_sizes(self, folder: Path, tmp_path: Path) -> None:
        untrained("tiny", toys.RATE, 0.064, ("hits",)).write(tmp_path / "longer")
        shutil.rmtree(folder / "decoder.hits")
        shutil.copytree(tmp_path / "longer/decoder.hits", folder / "decoder.hits")
        assert "different sizes or sample rates" in self.refused(folder)

    @pytest.mark.parametrize("kind", ["encoder", "decoder"])
    def test_nothing_there(self, folder: Path, kind: str) -> None:
        for place in folder.glob(f"{kind}*"):
            shutil.rmtree(place)
        assert f"holds no {kind} of 'interleaved'; train some with: sepkit train interleaved" in self.refused(folder)
