"""Separating with tiny networks: shapes, rates, channels, segments, bags, shifts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demucs.apply import BagOfModels, apply_model
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Method, separate
from sepkit.errors import Cancelled, ConfigError, WeightsError
from sepkit.problem.run import Progress
from sepkit_demucs.config import DemucsConfig
from sepkit_demucs.files import read_bag
from sepkit_demucs.separator import Demucs

SEGMENT = 8820


def noise(length: int, rate: int = 44100, channels: int = 2) -> Audio:
    samples = np.random.default_rng(0).standard_normal((channels, length))
    return Audio(0.1 * samples.astype(np.float32), rate)


def raw(mixture: Audio, weights: Path, **options: Any) -> NDArray[np.float32]:
    """The stems before anything is done to make them sum to the mixture [shape=(sources, channels, samples)]."""
    separator = Demucs(DemucsConfig(**options))
    separator.load(weights, sepkit.Run())
    found = separator.separate(sepkit.Problem(mixture), sepkit.Run())
    return np.stack([stem.samples for stem in found.values()])


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_stems_are_like_the_mixture_and_sum_to_it(weights: Path, rate: int, channels: int) -> None:
    mixture = noise(round(0.21 * rate), rate, channels)
    separation = separate(mixture, "demucs", weights=weights)
    assert separation.sources == ("drums", "bass", "other", "vocals")
    assert all(separation[name].samples.shape == mixture.samples.shape for name in separation.sources)
    assert np.abs(separation.residual.samples).max() < 1e-6
    [constraint] = separation.provenance.constraints
    assert (constraint["name"], constraint["default"]) == ("mixture-consistency", True)
    found = np.stack([separation[name].samples for name in separation.sources])
    assert np.linalg.matrix_rank(found.reshape(4, -1), tol=1e-4) == 4


def test_sources_are_picked_out(weights: Path) -> None:
    whole = separate(noise(9000), "demucs", weights=weights)
    some = separate(noise(9000), "demucs", weights=weights, sources=["vocals"])
    assert some.sources == ("vocals",)
    np.testing.assert_array_equal(some["vocals"].samples, whole["vocals"].samples)


@pytest.mark.parametrize("signatures", [("a",), ("a", "b", "c", "d")], ids=["one", "four"])
def test_it_is_what_the_package_makes_of_the_mixture(tiny: Any, tmp_path: Path, signatures: tuple[str, ...]) -> None:
    folder = tiny.write(tmp_path, tiny.files(signatures=signatures))
    # Segments that fill the mixture; after the last of them the package adds a piece of another, and we none.
    mixture = noise(SEGMENT + 6615)
    bag = read_bag(folder)
    theirs = BagOfModels(list(bag.networks), bag.weights.tolist()).eval()
    samples = torch.from_numpy(mixture.samples.copy())
    mean, deviation = samples.mean(0).mean(), samples.mean(0).std()
    wanted = apply_model(theirs, ((samples - mean) / deviation)[None], shifts=0, split=True, overlap=0.25)[0]
    found = raw(mixture, folder)
    common = slice(0, 2 * 6615)
    # Theirs have the mean of the mixture each, ours together.
    np.testing.assert_allclose(found[..., common], (wanted * deviation + mean / 4).numpy()[..., common], atol=1e-5)
    assert np.abs(found).max() > 1e-3


def test_away_from_the_seams_a_segment_is_what_the_network_makes_of_it_alone(weights: Path) -> None:
    mixture = noise(SEGMENT + 2 * 6615)
    found = raw(mixture, weights)
    for start in (0, 6615, 13230):
        part = Audio(mixture.samples[:, start : start + SEGMENT], 44100)
        inner = slice(start + SEGMENT // 4 + 1, start + 3 * SEGMENT // 4 - 1)
        within = slice(inner.start - start, inner.stop - start)
        difference = found[..., inner] - raw(part, weights)[..., within]
        # Of the whole and of a part the means are others; the network itself hears standardised segments.
        assert np.ptp(difference, axis=-1).max() < 1e-5


def test_no_more_than_a_segment_is_heard_at_once(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []
    forward = HTDemucs.forward
    monkeypatch.setattr(HTDemucs, "forward", lambda self, mix: (heard.append(tuple(mix.shape)), forward(self, mix))[1])
    raw(noise(30_000), weights)
    assert set(heard) == {(1, 2, SEGMENT)}
    heard.clear()
    raw(noise(12_000), weights, segment_s=0.1, overlap=0.5)
    assert set(heard) == {(1, 2, 4410)}
    assert len(heard) == -(-(12_000 - 4410) // 2205) + 1


def test_shifts_take_the_mean_of_other_cuts(weights: Path) -> None:
    mixture = noise(12_000)
    one, three = raw(mixture, weights), raw(mixture, weights, shifts=3)
    assert 1e-4 < np.abs(three - one).mean() < np.abs(one).mean()
    np.testing.assert_array_equal(three, raw(mixture, weights, shifts=3))


def test_a_louder_mixture_gives_as_much_louder_stems(weights: Path) -> None:
    mixture = noise(9000)
    louder = Audio(mixture.samples * 8, 44100)
    np.testing.assert_allclose(raw(louder, weights), 8 * raw(mixture, weights), atol=1e-5)


def test_a_constant_and_silence_give_nothing_strange(weights: Path) -> None:
    assert not raw(Audio(np.zeros((2, 9000), np.float32), 44100), weights).any()
    constant = Audio(np.full((2, 9000), 0.5, np.float32), 44100)
    np.testing.assert_allclose(raw(constant, weights).sum(axis=0), 0.5, atol=1e-6)


def test_it_is_cancelled_within_one_segment(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    forward = HTDemucs.forward
    monkeypatch.setattr(HTDemucs, "forward", lambda self, mix: (heard.append(1), forward(self, mix))[1])

    class Cancel:
        def is_set(self) -> bool:
            return len(heard) == 2

    with pytest.raises(Cancelled):
        separate(noise(40_000), "demucs", weights=weights, cancel=Cancel())
    assert len(heard) == 2


def test_progress_goes_by_segments_of_every_network(tiny: Any, tmp_path: Path) -> None:
    events: list[Progress] = []
    folder = tiny.write(tmp_path, tiny.files(signatures=("a", "b", "c", "d")))
    separate(noise(SEGMENT + 500), "demucs", weights=folder, reporter=events.append)
    ours = [(event.stage, event.done, event.total) for event in events if event.stage.startswith("separate")]
    assert ours == [(f"separate ({number} of 4)", done, 2) for number in range(1, 5) for done in range(3)]


def test_options_that_the_package_does_not_know_are_told(tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "own.safetensors").write_bytes(tiny.data(tiny.network(), t_newer=3))
    separation = separate(noise(5000), "demucs", weights=tmp_path)
    assert any("leaves out: t_newer" in remark for remark in separation.provenance.remarks)


def test_a_segment_longer_than_the_network_hears_is_refused(weights: Path) -> None:
    with pytest.raises(ConfigError, match=r"segment_s=2 is longer than the 0\.2 s that the network hears at once"):
        separate(noise(5000), "demucs", weights=weights, config={"segment_s": 2})


@pytest.mark.parametrize("option", [{"segment_s": 0}, {"overlap": 1}, {"overlap": -0.1}, {"shifts": 0}])
def test_options_that_cannot_be_are_refused(weights: Path, option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Method("demucs", weights=weights, config=option)


def test_weights_that_overflow_are_named(tiny: Any, tmp_path: Path) -> None:
    network = tiny.network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(6e4)
    (tmp_path / "own.safetensors").write_bytes(tiny.data(network))
    with pytest.raises(WeightsError, match="the weights of 'demucs' make values of this mixture that are no samples"):
        separate(noise(5000), "demucs", weights=tmp_path)
