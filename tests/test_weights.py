"""Weights: given, bundled, and the rate that they want."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sepkit_fakes as fakes

from sepkit import Audio, Domain, Method, Registry, Separation, separate
from sepkit.errors import MismatchError, PluginError, WeightsError
from sepkit.solving.digests import MOST_BYTES

NoiseOf = Callable[..., Audio]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "levels.json").write_text(json.dumps({"levels": {"a": 1.0}, "sample_rate": 12000}))
    return folder


class TestBundled:
    def test_are_taken_when_none_are_given(self, registry: Registry, noise: NoiseOf) -> None:
        separation = separate(noise(), "taught-bundled", registry=registry)
        assert separation.sources == ("voice", "guitar")
        [record] = separation.provenance.weights
        assert record["for"] == "method 'taught-bundled'"
        assert (record["name"], record["licence"], record["source"]) == ("levels", "MIT", "nobody")
        assert record["files"] == []

    def test_have_the_digest_that_they_would_have_if_given(self, registry: Registry, noise: NoiseOf) -> None:
        given, bundled = (
            separate(noise(), "taught-bundled", weights=weights, registry=registry).provenance.weights
            for weights in (fakes.bundled_levels(), None)
        )
        assert given == bundled

    def test_give_way_to_those_given(self, registry: Registry, noise: NoiseOf, weights: Path) -> None:
        assert separate(noise(), "taught-bundled", weights=weights, registry=registry).sources == ("a",)

    def test_that_are_not_there_are_named(self, registry: Registry) -> None:
        registry.add(fakes.spec("hollow", "Taught", weights=(fakes.bundled("none", "absent"),)))
        with pytest.raises(PluginError, match="weights 'none' cannot load sepkit_fakes:absent"):
            Method("hollow", registry=registry)


class TestNeeded:
    def test_are_asked_for(self, registry: Registry, noise: NoiseOf) -> None:
        with pytest.raises(MismatchError, match=r"it needs weights: give a folder with weights=\.\.\. or --weights"):
            separate(noise(), "taught", registry=registry)

    def test_that_hold_something_else_are_refused(self, registry: Registry, noise: NoiseOf, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match="holds no levels"):
            separate(noise(), "taught", weights=tmp_path, registry=registry)


class TestTooLarge:
    """Files with a hole: they take no room, and reading them would last for a minute."""

    @pytest.mark.parametrize("sizes", [[MOST_BYTES + 1], [MOST_BYTES // 2, MOST_BYTES // 2 + 1]])
    def test_a_folder_is_refused(self, sizes: list[int], registry: Registry, noise: NoiseOf, weights: Path) -> None:
        for number, size in enumerate(sizes):
            (weights / f"{number}.bin").touch()
            os.truncate(weights / f"{number}.bin", size)
        with pytest.raises(WeightsError, match=r"weights holds more than the 16 GiB of any weights; give the weights"):
            separate(noise(), "taught", weights=weights, registry=registry)

    def test_a_file_is_refused(self, registry: Registry, noise: NoiseOf, weights: Path) -> None:
        registry.add(fakes.spec("from-a-file", "TaughtByAFile", needs=("weights",)))
        os.truncate(weights / "levels.json", MOST_BYTES + 1)
        with pytest.raises(WeightsError, match=r"levels.json holds more than the 16 GiB of any weights"):
            separate(noise(), "from-a-file", weights=weights / "levels.json", registry=registry)


class TestAFile:
    def test_is_what_the_method_loads_and_the_record_tells(
        self, registry: Registry, noise: NoiseOf, weights: Path
    ) -> None:
        registry.add(fakes.spec("from-a-file", "TaughtByAFile", needs=("weights",)))
        file = weights / "levels.json"
        separation = separate(noise(), "from-a-file", weights=file, registry=registry)
        assert separation.sources == ("a",)
        [record] = separation.provenance.weights
        assert record["digest"] == hashlib.sha256(file.read_bytes()).hexdigest()

    def test_is_no_folder_to_a_method_that_wants_one(self, registry: Registry, noise: NoiseOf, weights: Path) -> None:
        with pytest.raises(WeightsError, match="holds no levels"):
            separate(noise(), "taught", weights=weights / "levels.json", registry=registry)


class TestSampleRate:
    @pytest.mark.parametrize("channels", [1, 2])
    @pytest.mark.parametrize("rate", [8000, 12000, 44100])
    def test_of_the_weights_is_what_the_method_gets(
        self, registry: Registry, noise: NoiseOf, weights: Path, rate: int, channels: int
    ) -> None:
        mixture = noise(channels, 3001, rate)
        separation = separate(mixture, "taught", weights=weights, registry=registry)
        assert separation.provenance.traces["sample rate"] == [12000]
        assert separation["a"].samples.shape == mixture.samples.shape
        assert separation["a"].sample_rate == rate
        told = () if rate == 12000 else (f"{rate} Hz to 12000 Hz and back",)
        assert separation.provenance.adaptations == told

    def test_goes_over_that_of_the_spec(self, registry: Registry, noise: NoiseOf, weights: Path) -> None:
        registry.add(fakes.spec("both", "Taught", needs=("weights",), sample_rate=48000))
        assert separate(noise(), "both", weights=weights, registry=registry).provenance.traces["sample rate"] == [12000]

    def test_gives_way_to_priors_on_waveforms(self, registry: Registry, noise: NoiseOf, weights: Path) -> None:
        registry.add(fakes.spec("host", "Taught", needs=("weights",), priors=(Domain.WAVEFORMS,)))
        prior = fakes.OnWaveforms()
        hosted = separate(noise(), "host", weights=weights, priors=[prior], registry=registry)
        assert hosted.provenance.traces["sample rate"] == [8000]
        assert separate(noise(), "host", weights=weights, registry=registry).provenance.traces["sample rate"] == [12000]

    def test_without_weights_is_the_mixtures_own(self, registry: Registry, noise: NoiseOf) -> None:
        registry.add(fakes.spec("untaught", "Taught"))
        assert separate(noise(), "untaught", registry=registry).provenance.traces["sample rate"] == [8000]

    def test_holds_for_threads_that_share_a_method(self, registry: Registry, noise: NoiseOf, weights: Path) -> None:
        method = Method("taught", weights=weights, registry=registry)
        results: dict[int, Separation] = {}
        rates = [8000, 44100, 12000, 22050]

        def work(rate: int) -> None:
            results[rate] = method.separate(noise(1, 2000, rate))

        threads = [threading.Thread(target=work, args=(rate,)) for rate in rates]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for rate in rates:
            assert results[rate].provenance.traces["sample rate"] == [12000]
            alone = method.separate(noise(1, 2000, rate))
            assert np.array_equal(results[rate]["a"].samples, alone["a"].samples)
