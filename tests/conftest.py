"""Fixtures for the tests of the core."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings

import sepkit
from sepkit import Audio, Domain, Registry, Separation
from sepkit.plugin import PriorSpec
from tests.scrubbed import scrubbed

RATE = 8000

# A first example that imports SciPy is slow, and so is any example on a busy machine.
settings.register_profile("sepkit", deadline=None, derandomize=True)
settings.load_profile("sepkit")


def _publish(name: str, file: Path) -> None:
    """Make `file` importable as `name`: import strings of specs need a module that can be found by its name."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_publish("sepkit_fakes", Path(__file__).with_name("fakes.py"))

if TYPE_CHECKING:
    import fakes as sepkit_fakes
else:
    import sepkit_fakes

TEACHING = {"trainer": "sepkit_fakes:Teaching", "training": "sepkit_fakes:TeachingConfig"}

NoiseOf = Callable[..., Audio]


@pytest.fixture(scope="session", autouse=True)
def _scrubbed_environment() -> Iterator[None]:
    """No setting of the developer's own reaches a test, nor what it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - scrubbed().keys():
            patch.delenv(name)
        yield


@pytest.fixture
def noise() -> NoiseOf:
    """Makes noise within ±1, the same for the same arguments."""

    def make(channels: int = 1, length: int = 4000, rate: int = RATE, seed: int = 0) -> Audio:
        samples = np.random.default_rng(seed).uniform(-1, 1, (channels, length)).astype(np.float32)
        return Audio(samples, rate)

    return make


@pytest.fixture
def registry() -> Registry:
    """The built-in statements and all fake separators."""
    registry = Registry()
    fake = sepkit_fakes.spec
    for spec in (
        fake("shares", "Shares", config="sepkit_fakes:SharesConfig", traits=frozenset({"trainable"})),
        fake("shares-mono", "Shares", config="sepkit_fakes:SharesConfig", channels=1),
        fake("shares-stereo", "Shares", config="sepkit_fakes:SharesConfig", channels=2),
        fake("shares-44100", "Shares", config="sepkit_fakes:SharesConfig", sample_rate=44100),
        fake("shares-mono-16000", "Shares", config="sepkit_fakes:SharesConfig", channels=1, sample_rate=16000),
        fake("peeks", "Peeks", config="sepkit_fakes:SharesConfig", needs=("score|f0",), uses=("examples",)),
        fake("noise", "Noise", traits=frozenset({"stochastic"})),
        fake("steps", "Steps", config="sepkit_fakes:StepsConfig"),
        fake("faulty", "Faulty", config="sepkit_fakes:FaultyConfig"),
        fake("loading", "Loading", traits=frozenset({"trainable"})),
        fake("breaks-on-load", "BreaksOnLoad"),
        fake("needy", "Shares", config="sepkit_fakes:SharesConfig", needs=("score", "f0", "weights", "sources")),
        fake("hosting", "Hosting", constraints=(Domain.WAVEFORMS,), needs=("sources",)),
        fake("hosting-16000", "Hosting", constraints=(Domain.WAVEFORMS,), needs=("sources",), sample_rate=16000),
        fake(
            "silent-host",
            "Shares",
            config="sepkit_fakes:SharesConfig",
            constraints=(Domain.ACTIVATIONS, Domain.TEMPLATES),
            priors=(Domain.ACTIVATIONS,),
        ),
        fake("taught", "Taught", needs=("weights",), **TEACHING),
        fake("taught-bundled", "Taught", weights=(sepkit_fakes.bundled("levels"),), **TEACHING),
        PriorSpec(
            name="on-waveforms",
            summary="a fake",
            factory="sepkit_fakes:OnWaveforms",
            domains=(Domain.WAVEFORMS,),
            **TEACHING,
        ),
        fake("accelerated", "Shares", config="sepkit_fakes:SharesConfig", traits=frozenset({"accelerated"})),
    ):
        registry.add(spec)
    return registry


@pytest.fixture
def separate(registry: Registry) -> Callable[..., Separation]:
    """`sepkit.separate` with the fakes, by default with `shares`."""

    def call(mixture: Any, method: str = "shares", **options: Any) -> Separation:
        return sepkit.separate(mixture, method, registry=registry, **options)

    return call


@pytest.fixture
def stereo(noise: NoiseOf) -> Audio:
    return noise(2)


@pytest.fixture
def regular_file(tmp_path: Path) -> Path:
    """A file where a folder would be needed; not even root can write below it."""
    path = tmp_path / "regular"
    path.write_text("text")
    return path
