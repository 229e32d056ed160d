"""Files of networks: read as published, without importing what they name; everything else is refused."""

from __future__ import annotations

import json
import pickle
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demucs.hdemucs import HDemucs

from sepkit.errors import WeightsError
from sepkit_demucs.files import read_bag


def refused(path: Path, match: str) -> None:
    with pytest.raises(WeightsError, match=match) as raised:
        read_bag(path)
    assert "\n" not in str(raised.value)


def alone(tmp_path: Path, data: bytes) -> Path:
    file = tmp_path / "own.safetensors"
    file.write_bytes(data)
    return file


class TestRead:
    def test_is_a_bag_of_one(self, tiny: Any, weights: Path) -> None:
        bag = read_bag(weights)
        assert bag.sources == ("drums", "bass", "other", "vocals")
        assert (bag.sample_rate, bag.segment_s, bag.unknown) == (44100, Fraction(1, 5), ())
        np.testing.assert_array_equal(bag.weights, np.ones((1, 4)))
        [network] = bag.networks
        wanted = tiny.network().half().float().state_dict()
        found = network.state_dict()
        assert list(found) == list(wanted)
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
        assert not network.training

    def test_is_a_bag_of_four_in_its_order(self, tiny: Any, tmp_path: Path) -> None:
        signatures = ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d")
        bag = read_bag(tiny.write(tmp_path, tiny.files("htdemucs_ft", signatures)))
        np.testing.assert_array_equal(bag.weights, np.eye(4))
        for seed, network in enumerate(bag.networks):
            wanted = tiny.network(seed).half().float().state_dict()
            assert all(torch.equal(tensor, wanted[name]) for name, tensor in network.state_dict().items())

    def test_is_one_of_six_sources(self, tiny: Any, tmp_path: Path) -> None:
        six = [*tiny.sources, "guitar", "piano"]
        assert read_bag(alone(tmp_path, tiny.data(tiny.network(sources=six)))).sources == tuple(six)

    def test_weighs_networks_as_the_bag_says(self, tiny: Any, tmp_path: Path) -> None:
        files = tiny.files(signatures=("a", "b"))
        files["htdemucs.yaml"] = b"models: [a, b]\nweights: [[1, 1, 0, 3], [0, 1, 2, 1]]\nsegment: 0.1\n"
        bag = read_bag(tiny.write(tmp_path, files))
        np.testing.assert_allclose(bag.weights, [[1, 0.5, 0, 0.75], [0, 0.5, 1, 0.25]])
        assert bag.segment_s == Fraction(0.1)

    def test_is_a_file_or_a_folder_of_one(self, tiny: Any, tmp_path: Path) -> None:
        file = alone(tmp_path, tiny.data(tiny.network()))
        assert read_bag(file).sources == read_bag(tmp_path).sources == tuple(tiny.sources)

    def test_is_one_without_a_bottleneck(self, tiny: Any, tmp_path: Path) -> None:
        # Its transformer is as wide as a power of the growth, which has to stay a whole number.
        [network] = read_bag(alone(tmp_path, tiny.data(tiny.network(bottom_channels=0)))).networks
        assert network(torch.zeros(1, 2, 8820)).shape == (1, 4, 2, 8820)

    def test_draws_no_random_numbers(self, weights: Path) -> None:
        before = torch.random.get_rng_state()
        read_bag(weights)
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_tells_of_options_that_the_package_does_not_know(self, tiny: Any, tmp_path: Path) -> None:
        assert read_bag(alone(tmp_path, tiny.data(tiny.network(), t_newer=3))).unknown == ("t_newer",)


class TestClasses:
    """The package's own loader imports whatever module the header names."""

    @pytest.mark.parametrize("klass", ["os.system", "planted.Evil", "demucs.htdemucs.Fraction", "HTDemucs", ""])
    def test_of_other_names_are_refused_and_not_imported(
        self, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, klass: str
    ) -> None:
        (tmp_path / "planted.py").write_text("class Evil: pass\n")
        monkeypatch.syspath_prepend(tmp_path)
        refused(alone(tmp_path, tiny.data(tiny.network(), {"klass": klass})), "only networks of demucs.htdemucs.HTDem")
        assert "planted" not in sys.modules

    def test_of_other_networks_of_the_package_are_refused(self, tiny: Any, tmp_path: Path) -> None:
        with torch.random.fork_rng():
            other = HDemucs(sources=tiny.sources, channels=8, nfft=2048, depth=2)
        refused(alone(tmp_path, tiny.data(other)), "names the class 'demucs.hdemucs.HDemucs'")

    def test_that_are_not_named_are_refused(self, tiny: Any, tmp_path: Path) -> None:
        refused(alone(tmp_path, tiny.data(tiny.network(), {"klass": None})), "names no class")

    def test_within_quantised_weights_are_refused(self, tiny: Any, tmp_path: Path) -> None:
        structure = json.dumps({"_dict": [["quantizer", {"_class": "os.system"}]]})
        refused(alone(tmp_path, tiny.data(tiny.network(), {"structure": structure})), "holds quantised weights")


class TestRefused:
    def test_are_pickled_packages(self, tmp_path: Path) -> None:
        (tmp_path / "955717e8-8726e21a.th").write_bytes(pickle.dumps({"klass": print}))
        refused(tmp_path, "others are not read, for they can run code; fetch some with: sepkit fetch htdemucs")
        refused(tmp_path / "955717e8-8726e21a.th", "is no file of safetensors")
        refused(alone(tmp_path, pickle.dumps({"klass": print})), "truncated or damaged")

    def test_is_an_empty_folder(self, tmp_path: Path) -> None:
        refused(tmp_path, "holds no networks; fetch some with: sepkit fetch htdemucs")

    def test_is_a_truncated_file(self, tiny: Any, tmp_path: Path) -> None:
        data = tiny.data(tiny.network())
        for length in (0, 7, 100, len(data) // 2, len(data) - 1):
            refused(alone(tmp_path, data[:length]), "is truncated or damaged")

    def test_are_networks_that_were_renamed(self, tiny: Any, tmp_path: Path) -> None:
        tiny.write(tmp_path)
        (tmp_path / "955717e8.safetensors").rename(tmp_path / "vocals.safetensors")
        refused(tmp_path, r"htdemucs\.yaml names 955717e8\.safetensors, which is not there")

    def test_are_several_networks_that_nothing_puts_together(self, tiny: Any, tmp_path: Path) -> None:
        tiny.write(tmp_path, tiny.files(signatures=("a", "b")))
        (tmp_path / "htdemucs.yaml").rename(tmp_path / "second.yaml")
        tiny.write(tmp_path)
        refused(tmp_path, r"several bags of networks: htdemucs\.yaml, second\.yaml")
        for file in tmp_path.glob("*.yaml"):
            file.unlink()
        refused(tmp_path, r"holds 3 networks and no \.yaml")

    def test_are_networks_of_other_sources_than_the_first(self, tiny: Any, tmp_path: Path) -> None:
        files = tiny.files(signatures=("a", "b"))
        files["b.safetensors"] = tiny.data(tiny.network(sources=["x", "y", "z", "w"]))
        refused(tiny.write(tmp_path, files), "are of other sources or rates")

    @pytest.mark.parametrize(
        ("changes", "match"),
        [
            ({"channels": 10**9}, "channels"),
            ({"depth": 10**6}, "depth"),
            ({"t_layers": -1}, "t_layers"),
            ({"bottom_channels": 10**9}, "bottom_channels"),
            ({"audio_channels": 1}, "audio_channels"),
            ({"samplerate": "fast"}, "samplerate"),
            ({"sources": []}, "sources"),
            ({"sources": None}, "sources"),
            ({"segment": {"_type": "fraction", "numerator": 1, "denominator": 0}}, "ZeroDivision|Fraction|division"),
            ({"segment": {"_type": "file"}}, "segment"),
            ({"segment": 1e9}, "segment"),
            ({"t_emb": "scaled"}, "there is no tensor 'crosstransformer.position_embeddings"),
            ({"t_norm_in_group": "x", "t_heads": 0}, "cannot make"),
            ({"channels": 16}, "the weights do not fit the model of 'demucs'"),
            ({"t_layers": 5}, "there is no tensor"),
            ({"t_sparse_self_attn": True}, "cannot make|there is no tensor"),
        ],
    )
    def test_are_options_that_cannot_be(self, tiny: Any, tmp_path: Path, changes: dict[str, Any], match: str) -> None:
        refused(alone(tmp_path, tiny.data(tiny.network(), **changes)), match)

    @pytest.mark.parametrize(
        "metadata", [{"kwargs": "{"}, {"kwargs": "[]"}, {"kwargs": None}, {"args": "[4]"}, {"args": "x"}]
    )
    def test_are_headers_that_describe_no_network(
        self, tiny: Any, tmp_path: Path, metadata: dict[str, str | None]
    ) -> None:
        refused(alone(tmp_path, tiny.data(tiny.network(), metadata)), "describes (no|a) network")

    @pytest.mark.parametrize(
        "text",
        [
            "models: ['../955717e8']",
            "models: []",
            "models: 955717e8",
            "models: ['955717e8']\nweights: [[1, 1]]",
            "models: ['955717e8']\nweights: [[0, 0, 0, 0]]",
            "models: ['955717e8']\nweights: [[1, -1, 1, 1]]",
            "models: ['955717e8']\nsegment: 0",
            "models: ['955717e8']\nloader: os.system",
            "models: !!python/object/apply:os.system [ls]",
            "models: [",
            "",
        ],
    )
    def test_are_descriptions_that_are_none_of_a_bag(self, tiny: Any, tmp_path: Path, text: str) -> None:
        refused(tiny.write(tmp_path, {**tiny.files(), "htdemucs.yaml": text.encode()}), "fetch it again")
