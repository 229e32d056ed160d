"""Files of networks: read as published and as written by their training; everything else is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sepkit.errors import WeightsError
from sepkit_open_unmix.files import read_ensemble


def refused(path: Path, match: str) -> None:
    with pytest.raises(WeightsError, match=match) as raised:
        read_ensemble(path)
    assert "\n" not in str(raised.value)


class TestRead:
    def test_are_the_published_ones_in_their_order(self, weights: Path) -> None:
        ensemble = read_ensemble(weights)
        assert tuple(ensemble.networks) == ("vocals", "drums", "bass", "other")
        assert (ensemble.sample_rate, ensemble.window_length, ensemble.hop) == (44100, 512, 128)

    @pytest.mark.parametrize("legacy", [True, False])
    def test_is_a_file_alone(self, tiny: Any, tmp_path: Path, legacy: bool) -> None:
        (tmp_path / "choir.pth").write_bytes(tiny.data(tiny.state(0), legacy=legacy))
        assert tuple(read_ensemble(tmp_path / "choir.pth").networks) == ("choir",)

    def test_is_what_the_training_writes(self, tiny: Any, tmp_path: Path) -> None:
        (tmp_path / "speech.pth").write_bytes(tiny.data(tiny.state(0, rate=None), legacy=False))
        (tmp_path / "speech.json").write_text("{}")
        settings = {"sample_rate": 16000.0, "nfft": 512, "nhop": 256, "nb_channels": 2}
        (tmp_path / "separator.json").write_text(json.dumps(settings))
        ensemble = read_ensemble(tmp_path)
        assert (ensemble.sample_rate, ensemble.hop) == (16000, 256)

    def test_draws_no_random_numbers(self, weights: Path) -> None:
        before = torch.random.get_rng_state()
        read_ensemble(weights)
        assert torch.equal(torch.random.get_rng_state(), before)


class TestRefused:
    def test_is_a_folder_without_networks(self, tmp_path: Path) -> None:
        (tmp_path / "model.safetensors").touch()
        refused(tmp_path, "holds no networks such as vocals.pth; fetch some with: sepkit fetch umxhq")

    def test_is_another_file(self, tmp_path: Path) -> None:
        (tmp_path / "vocals.safetensors").touch()
        refused(tmp_path / "vocals.safetensors", "is not named like a network")

    def test_is_one_that_was_tampered_with(self, tiny: Any, tmp_path: Path) -> None:
        data = tiny.data(tiny.state(0))
        changed = data.replace(data[-8:-4], bytes(4))
        assert changed != data
        (tmp_path / tiny.name("vocals", data)).write_bytes(changed)
        refused(tmp_path, "another digest than its name says; it was changed or renamed")

    def test_is_one_that_was_truncated(self, tiny: Any, tmp_path: Path) -> None:
        data = tiny.data(tiny.state(0))
        (tmp_path / tiny.name("vocals", data)).write_bytes(data[:-9])
        refused(tmp_path, "another digest than its name says")
        (tmp_path / "drums.pth").write_bytes(data[:-9])
        refused(tmp_path / "drums.pth", r"drums\.pth is truncated or damaged")

    def test_is_one_of_another_digest_in_its_name(self, tiny: Any, tmp_path: Path) -> None:
        first, second = (tiny.data(tiny.state(seed)) for seed in range(2))
        (tmp_path / tiny.name("vocals", first)).write_bytes(second)
        refused(tmp_path, "another digest than its name says")

    def test_is_a_pickle_that_would_run_code(self, tmp_path: Path) -> None:
        class Evil:
            def __reduce__(self) -> tuple[Any, ...]:
                return os.mkdir, (str(tmp_path / "trace"),)

        torch.save({"fc1.weight": Evil()}, tmp_path / "vocals.pth")
        refused(tmp_path, "would run code when it is read")
        torch.save(torch.nn.Linear(2, 2), tmp_path / "vocals.pth")
        refused(tmp_path, "would run code when it is read")
        assert not (tmp_path / "trace").exists()

    @pytest.mark.parametrize(
        ("change", "match"),
        [
            (lambda state: state.pop("fc2.weight"), "there is no tensor 'fc2.weight'"),
            (lambda state: state.pop("input_mean"), "holds no network of Open-Unmix"),
            (lambda state: state.update(extra=torch.ones(2)), "there is a tensor 'extra' too many"),
            (lambda state: state.update({"bn2.bias": torch.ones(3)}), r"tensor 'bn2.bias' has shape \(3,\)"),
            (lambda state: state.update({"fc1.weight": torch.ones(3)}), "holds no network of Open-Unmix"),
            (lambda state: state.update({"bn2.bias": torch.full((8,), torch.nan)}), "no finite numbers"),
            (lambda state: state.update(sample_rate=torch.tensor(-1.0)), "a sample rate that cannot be"),
            (lambda state: state.update(sample_rate=torch.ones(3)), "a sample rate that cannot be"),
        ],
    )
    def test_is_what_is_no_such_network(
        self, tiny: Any, tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], Any], match: str
    ) -> None:
        state = tiny.state(0)
        change(state)
        (tmp_path / "vocals.pth").write_bytes(tiny.data(state))
        refused(tmp_path, match)

    def test_are_two_of_one_source(self, tiny: Any, tmp_path: Path) -> None:
        tiny.write(tmp_path, ["vocals"])
        (tmp_path / "vocals.pth").write_bytes(tiny.data(tiny.state(1)))
        refused(tmp_path, "two files in .* hold networks of source 'vocals'")

    def test_are_those_that_do_not_fit_together(self, tiny: Any, tmp_path: Path) -> None:
        tiny.write(tmp_path, ["vocals"])
        (tmp_path / "drums.pth").write_bytes(tiny.data(tiny.state(1, rate=48000)))
        refused(tmp_path, "different rates in Hz: vocals 44100, drums 48000")
        (tmp_path / "drums.pth").write_bytes(tiny.data(tiny.state(1, replace(tiny.sizes, bins=513))))
        refused(tmp_path, "different windows: vocals 512, drums 1024")

    def test_is_one_of_mono(self, tiny: Any, tmp_path: Path) -> None:
        tiny.write(tmp_path, ["vocals"], replace(tiny.sizes, channels=1))
        refused(tmp_path, "takes 1 channels, and 2 are wanted")

    @pytest.mark.parametrize("settings", ["{", "[]", '{"nfft": 4096}', '{"nhop": 0}', '{"sample_rate": "fast"}'])
    def test_are_settings_that_cannot_be(self, tiny: Any, tmp_path: Path, settings: str) -> None:
        (tiny.write(tmp_path, ["vocals"]) / "separator.json").write_text(settings)
        refused(tmp_path, r"separator\.json")
