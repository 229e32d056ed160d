"""Separating with tiny networks: shapes, rates, channels, segments, the filter, and what is left over."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Method, separate
from sepkit.errors import Cancelled, ConfigError, WeightsError
from sepkit.problem.run import Progress
from sepkit.spectral import STFT
from sepkit_open_unmix.network import TargetNetwork


def noise(seconds: float, rate: int = 44100, channels: int = 2) -> Audio:
    samples = np.random.default_rng(0).standard_normal((channels, round(seconds * rate)))
    return Audio(0.1 * samples.astype(np.float32), rate)


def stems(mixture: Audio, weights: Path, **options: Any) -> NDArray[np.float32]:
    separation = separate(mixture, "open-unmix", weights=weights, config=options)
    return np.stack([separation[name].samples for name in separation.sources])


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_stems_are_like_the_mixture_and_sum_to_it(weights: Path, rate: int, channels: int) -> None:
    mixture = noise(0.4, rate, channels)
    separation = separate(mixture, "open-unmix", weights=weights)
    assert separation.sources == ("vocals", "drums", "bass", "other")
    assert all(separation[name].samples.shape == mixture.samples.shape for name in separation.sources)
    assert np.abs(separation.residual.samples).max() < 1e-6
    [constraint] = separation.provenance.constraints
    assert (constraint["name"], constraint["default"]) == ("mixture-consistency", True)
    # No stem is another, or a share of the mixture.
    found = np.stack([separation[name].samples for name in separation.sources])
    assert np.linalg.matrix_rank(found.reshape(4, -1), tol=1e-3) == 4


def test_sources_are_picked_out(weights: Path) -> None:
    whole = separate(noise(0.4), "open-unmix", weights=weights)
    some = separate(noise(0.4), "open-unmix", weights=weights, sources=["bass", "vocals"])
    assert some.sources == ("bass", "vocals")
    np.testing.assert_array_equal(some["bass"].samples, whole["bass"].samples)


def test_without_the_filter_magnitudes_get_the_phases_of_the_mixture(weights: Path) -> None:
    # The sum of the stems is then the mixture masked by the sum of the masks.
    method = Method("open-unmix", weights=weights, config={"iterations": 0})
    mixture = noise(0.4)
    method.separate(mixture)
    networks = method._separator.ensemble.networks  # type: ignore[attr-defined]
    stft = STFT(512, 128)
    spectrum = stft.forward(mixture.samples)
    found = method._separator.separate(sepkit.Problem(mixture), sepkit.Run())
    import torch

    for name, network in networks.items():
        with torch.no_grad():
            mask = network.mask(network.hear(torch.from_numpy(np.abs(spectrum)))).numpy()
        wanted = stft.inverse(mask * spectrum, mixture.length)
        np.testing.assert_allclose(found[name].samples, wanted, atol=1e-5)


def test_the_filter_sums_to_the_mixture_and_leaves_nothing_to_the_constraint(weights: Path) -> None:
    method = Method("open-unmix", weights=weights, config={"iterations": 1})
    mixture = noise(0.4)
    method.separate(mixture)
    found = method._separator.separate(sepkit.Problem(mixture), sepkit.Run())
    np.testing.assert_allclose(sum(stem.samples for stem in found.values()), mixture.samples, atol=1e-4)


def test_more_iterations_and_other_windows_give_other_stems(weights: Path) -> None:
    mixture = noise(0.6)
    one = stems(mixture, weights)
    assert np.abs(stems(mixture, weights, iterations=3) - one).max() > 1e-3
    assert np.abs(stems(mixture, weights, window_frames=20) - one).max() > 1e-4


class TestSegments:
    """Networks hear both ways without end: what they hear of far away fades."""

    OPTIONS: ClassVar = {"window_frames": 100, "iterations": 0}

    def test_equal_the_whole(self, weights: Path) -> None:
        mixture = noise(3.0)
        whole = stems(mixture, weights, segment_s=60, **self.OPTIONS)
        cut = stems(mixture, weights, segment_s=0.5, context_s=0.3, **self.OPTIONS)
        np.testing.assert_allclose(cut, whole, atol=1e-5)

    def test_without_context_equal_it_away_from_the_seams(self, weights: Path) -> None:
        mixture = noise(3.0)
        whole = stems(mixture, weights, segment_s=60, **self.OPTIONS)
        cut = stems(mixture, weights, segment_s=0.5, context_s=0, **self.OPTIONS)
        # Two windows of 100 frames; the first frame lies three hops before the first sample.
        seams = (np.arange(200, 1100, 200) - 3) * 128
        near = np.abs(np.arange(mixture.length) - seams[:, np.newaxis]).min(axis=0) < 4096
        error = np.abs(cut - whole).max(axis=(0, 1))
        assert error[near].max() > 1e-4
        assert error[~near].max() < 1e-5

    def test_hear_no_more_than_they_are_to(self, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        heard = []
        hear = TargetNetwork.hear
        monkeypatch.setattr(
            TargetNetwork, "hear", lambda self, values: (heard.append(values.shape[2]), hear(self, values))[1]
        )
        stems(noise(3.0), weights, segment_s=0.5, context_s=0.1, **self.OPTIONS)
        assert max(heard) == 200 + 2 * round(0.1 * 44100 / 128)


def test_it_is_cancelled_within_a_network(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    hear = TargetNetwork.hear
    monkeypatch.setattr(TargetNetwork, "hear", lambda self, values: (heard.append(1), hear(self, values))[1])

    class Cancel:
        def is_set(self) -> bool:
            return len(heard) == 2

    with pytest.raises(Cancelled):
        separate(noise(0.4), "open-unmix", weights=weights, cancel=Cancel())
    assert len(heard) == 2


def test_progress_goes_by_windows(weights: Path) -> None:
    events: list[Progress] = []
    separate(noise(1.0), "open-unmix", weights=weights, config={"window_frames": 100}, reporter=events.append)
    ours = [event for event in events if event.stage == "separate"]
    assert [event.done for event in ours] == list(range(len(ours)))
    assert ours[-1].done == ours[-1].total == 4


class TestRest:
    def test_is_what_one_network_leaves(self, tiny: Any, tmp_path: Path) -> None:
        mixture = noise(0.4)
        separation = separate(mixture, "open-unmix", weights=tiny.write(tmp_path, ["vocals"]))
        assert separation.sources == ("vocals", "rest")
        # The network takes about a quarter of every magnitude, and so of the power a tenth.
        share = np.square(separation["vocals"].samples).sum() / np.square(mixture.samples).sum()
        assert 0.001 < share < 0.5

    def test_is_no_source_of_the_published_weights_unless_asked_for(self, weights: Path) -> None:
        mixture = noise(0.4)
        asked = separate(mixture, "open-unmix", weights=weights, config={"rest": True})
        assert asked.sources[-1] == "rest"

    def test_left_out_leaves_all_to_the_one(self, tiny: Any, tmp_path: Path) -> None:
        mixture = noise(0.4)
        weights = tiny.write(tmp_path, ["vocals"])
        separation = separate(mixture, "open-unmix", weights=weights, config={"rest": False})
        np.testing.assert_allclose(separation["vocals"].samples, mixture.samples, atol=1e-5)

    def test_is_not_the_name_of_a_network_too(self, tiny: Any, tmp_path: Path) -> None:
        weights = tiny.write(tmp_path, ["vocals", "rest"])
        assert separate(noise(0.1), "open-unmix", weights=weights).sources == ("vocals", "rest")
        with pytest.raises(WeightsError, match="a network of source 'rest'"):
            separate(noise(0.1), "open-unmix", weights=weights, config={"rest": True})


def test_weights_that_overflow_are_named(tiny: Any, tmp_path: Path) -> None:
    state = tiny.state(0)
    state["output_mean"].fill_(1e38)
    (tmp_path / "vocals.pth").write_bytes(tiny.data(state))
    with pytest.raises(WeightsError, match="the weights of 'open-unmix' make values of this mixture that are no sam"):
        separate(noise(0.1), "open-unmix", weights=tmp_path)


@pytest.mark.parametrize("option", [{"iterations": -1}, {"segment_s": 0}, {"context_s": -1}, {"window_frames": 0}])
def test_options_that_cannot_be_are_refused(weights: Path, option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Method("open-unmix", weights=weights, config=option)
