"""The engine of the network: fitted, applied in one pass, weights that are refused, options that have no use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import sepkit
from sepkit.errors import ConfigError, WeightsError
from sepkit.neural import Checkpoint
from sepkit.plugin import Domain
from sepkit_source_filter.findings import FILTERS, GAINS
from sepkit_source_filter.network import SourceFilterNetwork

QUICK: dict[str, Any] = {"f0_rounds": 0}
FIT: dict[str, Any] = {"engine": "network", "network_steps": 40, "order": 10, "f0_rounds": 0}


@pytest.fixture(scope="module")
def duet(sing: Any) -> Any:
    return sing([(57, 60), (64, 65)], duration_s=1.6)


def tensors(order: int = 20, voices: int = 0) -> dict[str, torch.Tensor]:
    network = SourceFilterNetwork("small", order, voices)
    network.draw(torch.Generator().manual_seed(0))
    return dict(network.state_dict())


def written(folder: Path, **changed: Any) -> Path:
    given: dict[str, Any] = {
        "method": "source-filter",
        "config": {},
        "sources": ("voice",),
        "sample_rate": 16000,
        "tensors": tensors(),
    }
    Checkpoint(**{**given, **changed}).write(folder)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a network that learned nothing: enough for all but quality."""
    return written(tmp_path_factory.mktemp("weights"))


def run(choir: Any, **given: Any) -> sepkit.Separation:
    config = {**QUICK, **given.pop("config", {})}
    return sepkit.separate(choir.mixture, "source-filter", **{"f0": choir.tracks(), "config": config, **given})


@pytest.fixture(scope="module")
def fitted(duet: Any) -> sepkit.Separation:
    return run(duet, config=FIT, keep_variables=True)


class TestFit:
    def test_it_lowers_its_loss(self, fitted: sepkit.Separation) -> None:
        losses = fitted.provenance.traces["loss"]
        assert len(losses) == 40
        assert np.mean(losses[-5:]) < 0.7 * losses[0]

    def test_it_beats_the_comb_and_the_start(self, duet: Any, fitted: sepkit.Separation) -> None:
        comb = sepkit.separate(duet.mixture, "harmonic-comb", sources=duet.names, f0=duet.tracks())
        start = run(duet, config={**FIT, "network_steps": 1})
        assert duet.si_sdr(fitted) > duet.si_sdr(comb) + 2
        assert duet.si_sdr(fitted) > duet.si_sdr(start) + 1

    def test_stems_sum_to_the_mixture(self, fitted: sepkit.Separation) -> None:
        assert np.abs(fitted.residual.samples).max() < 1e-5 * np.abs(fitted.mixture.samples).max()

    def test_its_models_come_back(self, fitted: sepkit.Separation) -> None:
        assert fitted.variables is not None
        values = fitted.variables.values
        assert values[Domain.F0].shape == values[GAINS].shape == values[FILTERS].shape[:2]
        assert values[FILTERS].shape[2] == 10
        assert (np.diff(values[FILTERS], axis=-1) > 0).all()

    def test_the_seed_decides_it(self, duet: Any) -> None:
        short = {**FIT, "network_steps": 2}
        first, again, other = (run(duet, config=short, seed=seed)["voice 0"].samples for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()

    @pytest.mark.slow
    def test_it_goes_on_from_block_to_block(self, sing: Any) -> None:
        choir = sing([(57, 60, 59), (64, 65, 67)], duration_s=5.5)
        found = run(choir, config={**FIT, "network_steps": 3, "block_s": 4.0})
        assert len(found.provenance.traces["loss"]) == 3
        assert np.abs(found.residual.samples).max() < 1e-5

    def test_it_can_be_cancelled_between_two_steps(self, duet: Any) -> None:
        steps: list[int] = []

        class Stop:
            def is_set(self) -> bool:
                return len(steps) > 3

        with pytest.raises(sepkit.Cancelled):
            sepkit.separate(
                duet.mixture,
                "source-filter",
                f0=duet.tracks(),
                config={**FIT, "network_steps": 1000},
                reporter=lambda event: steps.append(event.done),
                cancel=Stop(),
            )
        assert len(steps) < 6


class TestOnePass:
    def test_without_f0_rounds_nothing_is_drawn(self, duet: Any, weights: Path) -> None:
        first, other = (run(duet, weights=weights, seed=seed) for seed in (0, 1))
        for name in duet.names:
            np.testing.assert_array_equal(first[name].samples, other[name].samples)

    @pytest.mark.parametrize("voices", [1, 5])
    def test_weights_do_for_any_number_of_voices(self, sing: Any, weights: Path, voices: int) -> None:
        choir = sing([(45 + 7 * index,) for index in range(voices)], duration_s=1.0)
        found = run(choir, weights=weights)
        assert found.sources == choir.names
        assert np.abs(found.residual.samples).max() < 1e-5

    def test_louder_mixtures_give_equally_louder_stems(self, duet: Any, weights: Path) -> None:
        loud, soft = (
            sepkit.separate(
                sepkit.Audio(duet.mixture.samples * np.float32(gain), duet.rate),
                "source-filter",
                f0=duet.tracks(),
                weights=weights,
                config=QUICK,
            )
            for gain in (1, 1e-3)
        )
        np.testing.assert_allclose(soft["voice 0"].samples * 1e3, loud["voice 0"].samples, atol=1e-4)

    def test_masks_hold_at_the_full_rate_in_every_channel(self, sing: Any, weights: Path) -> None:
        choir = sing([(57,), (64,)], duration_s=1.0, rate=44100)
        stereo = np.stack([choir.stems["voice 0"], choir.stems["voice 1"]])
        found = sepkit.separate(
            sepkit.Audio(stereo, 44100), "source-filter", f0=choir.tracks(), weights=weights, config=QUICK
        )
        assert found["voice 0"].samples.shape == stereo.shape
        assert np.abs(found.residual.samples).max() < 1e-5

    def test_channels_do_not_cancel(self, duet: Any, weights: Path) -> None:
        samples = duet.mixture.samples[0]
        plain, turned = (
            sepkit.separate(
                sepkit.Audio(np.stack([samples, sign * samples]), duet.rate),
                "source-filter",
                f0=duet.tracks(),
                weights=weights,
                config=QUICK,
            )
            for sign in (1, -1)
        )
        np.testing.assert_allclose(turned["voice 0"].samples[0], plain["voice 0"].samples[0], atol=1e-5)

    def test_silence_is_silence(self, duet: Any, weights: Path) -> None:
        silent = sepkit.Audio.mono(np.zeros(16000, np.float32), 16000)
        found = sepkit.separate(silent, "source-filter", f0=duet.tracks(), weights=weights, config=QUICK)
        assert not found["voice 0"].samples.any()

    def test_models_can_be_heard_and_transposed(self, duet: Any, weights: Path) -> None:
        config = {"output": "synthesised", "transpose": {"voice 1": 12}}
        found = run(duet, weights=weights, config=config)
        assert np.std(found["voice 1"].samples) > 0.01

    def test_constraints_are_honoured(self, duet: Any, weights: Path) -> None:
        score = sepkit.Score((sepkit.Note(0, 0.5, 57, part="voice 0"), sepkit.Note(0, 1.6, 64, part="voice 1")))
        found = run(duet, weights=weights, score=score, constraints=["score:before_s=0,after_s=0,cents=400"])
        assert found.provenance.constraints[0]["violation"] < 1e-5
        assert np.std(found["voice 0"].samples[:, 20_000:]) < 0.05 * np.std(found["voice 0"].samples[:, :8_000])

    def test_the_number_of_weights_is_known(self, duet: Any, weights: Path) -> None:
        method = sepkit.Method("source-filter", weights=weights, config=QUICK)
        method.separate(duet.mixture, f0=duet.tracks())
        network = SourceFilterNetwork("small", 20)
        assert method.parameters == sum(one.numel() for one in network.parameters())


class TestRefusals:
    @pytest.mark.parametrize(
        ("config", "trained", "message"),
        [
            ({"engine": "network", "updates": 7}, False, "option updates is not used with engine network"),
            ({"engine": "network", "steps": 7}, False, "option steps is not used with engine network"),
            ({"network_steps": 7}, False, "option network_steps is not used with engine direct"),
            ({"network_size": "paper"}, True, "option network_size is not used with trained weights"),
            ({"order": 10}, True, "option order is not used with trained weights"),
            ({"learning_rate": 0.1}, True, "option learning_rate is not used with trained weights"),
            ({"envelopes": 3}, True, "option envelopes is not used with trained weights"),
            ({"engine": "direct"}, True, "weights are those of engine network, and the engine is direct"),
            ({"engine": "network", "highest_hz": 12000}, False, "hears up to 8000 Hz"),
            ({"highest_hz": 12000}, True, "hears up to 8000 Hz"),
        ],
    )
    def test_options_without_a_use(
        self, duet: Any, weights: Path, config: dict[str, Any], trained: bool, message: str
    ) -> None:
        with pytest.raises(ConfigError, match=message):
            run(duet, config=config, **({"weights": weights} if trained else {}))

    @pytest.mark.parametrize("trained", [True, False])
    def test_priors_on_spectrograms(self, duet: Any, weights: Path, trained: bool) -> None:
        class Quiet(sepkit.Prior):
            domains = frozenset({Domain.SPECTROGRAMS})

            def bind(self, layout: sepkit.Layout, domain: Domain) -> Any:
                class Even:
                    def log_prob(self, value: Any) -> float:
                        return 0.0

                    def gradient(self, value: Any) -> Any:
                        return 0 * value

                return Even()

        given: dict[str, Any] = {"weights": weights} if trained else {"config": FIT}
        with pytest.raises(ConfigError, match="has no say over spectrograms with engine network"):
            run(duet, priors=[Quiet()], **given)


def changed(name: str, change: Callable[[NDArray[Any]], Any]) -> dict[str, torch.Tensor]:
    given = tensors()
    return given | {name: torch.as_tensor(change(given[name].numpy().copy()))}


class TestWeights:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"method": "nae"}, "holds weights of 'nae'"),
            ({"sample_rate": 44100}, "are for 44100 Hz"),
            ({"config": {"order": 7}}, "options that cannot be: order"),
            ({"config": {"size": "huge"}}, "options that cannot be: size"),
            ({"config": {"order": 10}}, r"'head.weight' has shape \(23, 128\), wanted is \(13, 128\)"),
            ({"tensors": tensors(voices=2)}, "a tensor 'of_voices' too many"),
            ({"tensors": {}}, "there is no tensor"),
            ({"tensors": changed("head.bias", lambda bias: bias * np.nan)}, "no finite numbers"),
            ({"tensors": changed("spread", lambda spread: -spread)}, "spreads that are not positive"),
        ],
    )
    def test_that_cannot_be(self, duet: Any, tmp_path: Path, given: dict[str, Any], message: str) -> None:
        with pytest.raises(WeightsError, match=message) as told:
            run(duet, weights=written(tmp_path, **given))
        assert "\n" not in str(told.value)

    def test_that_overflow(self, duet: Any, tmp_path: Path) -> None:
        huge = {name: torch.full_like(value, 3e38) for name, value in tensors().items()}
        with pytest.raises(WeightsError, match="make values of this mixture that are no samples of sound"):
            run(duet, weights=written(tmp_path, tensors=huge))

    def test_that_are_truncated(self, duet: Any, tmp_path: Path) -> None:
        file = written(tmp_path) / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-1000])
        with pytest.raises(WeightsError, match="truncated, or changed"):
            run(duet, weights=tmp_path)

    def test_of_a_newer_sepkit(self, duet: Any, tmp_path: Path) -> None:
        file = written(tmp_path) / "model.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "format": 2}))
        with pytest.raises(WeightsError, match="format 2, this sepkit reads 1"):
            run(duet, weights=tmp_path)

    def test_that_are_not_there(self, duet: Any, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match="holds no weights"):
            run(duet, weights=tmp_path)
