"""Baselines and oracles: what they are by definition, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Audio, Registry, Run, Separation, SideInformation, separate
from sepkit.builtin.oracle import IdealBinaryMask, IdealRatioMask, MaskConfig, Oracle, Truth
from sepkit.errors import AudioError, SideInformationError
from sepkit.spectral import STFT

SHARED = Path(__file__).parents[2] / "shared" / "data"
RATE = 8000
ORACLES = ["ideal-ratio-mask", "ideal-binary-mask", "ideal-wiener-filter"]
SHARING = ["ideal-ratio-mask", "ideal-wiener-filter"]
SMALL = {"window_s": 0.016}

References = Mapping[str, Audio]


def noises(sources: int = 3, channels: int = 2, length: int = 3001) -> dict[str, Audio]:
    """Independent noises, each with gains of its own for the channels and its own envelope."""
    rng = np.random.default_rng(sources)
    time = np.linspace(0, 1, length)
    stems = {}
    for index in range(sources):
        gains = rng.uniform(0.2, 1, (channels, 1))
        envelope = 0.6 + 0.4 * np.cos(2 * np.pi * (index + 1) * time)
        stems[f"s{index}"] = Audio(0.1 * gains * envelope * rng.standard_normal(length), RATE)
    return stems


def silence(like: Audio) -> Audio:
    return Audio(np.zeros_like(like.samples), like.sample_rate)


def sum_of(stems: References) -> Audio:
    total: NDArray[np.float32] = np.sum([stem.samples for stem in stems.values()], axis=0)
    return Audio(total, next(iter(stems.values())).sample_rate)


def sdr(reference: Audio, estimate: Audio) -> float:
    truth = reference.samples.astype(np.float64)
    return float(10 * np.log10(np.sum(truth**2) / np.sum((truth - estimate.samples) ** 2)))


def oracle(name: str, references: References, mixture: Audio | None = None, **options: Any) -> Separation:
    options = {"registry": Registry(), "config": SMALL, **options}
    return separate(mixture or sum_of(references), name, references=references, **options)


def masks(method: type[Oracle], references: References) -> NDArray[Any]:
    """What the oracle makes of a mixture whose spectrum is one everywhere: its masks."""
    stft = STFT(128, 32)
    truth = Truth(references, stft)
    spectra = truth.spectra(slice(None))
    found: NDArray[Any] = method(MaskConfig()).estimator(truth, Run())(spectra, np.ones_like(spectra[0]))
    return found


@pytest.mark.parametrize(("name", "gain"), [("mixture", 1.0), ("silence", 0.0)])
def test_baselines_are_what_they_are_called(name: str, gain: float) -> None:
    mixture = sum_of(noises())
    separation = separate(mixture, name, sources=["b", "a"], registry=Registry())
    assert separation.sources == ("b", "a")
    for stem in separation.values():
        np.testing.assert_array_equal(stem.samples, gain * mixture.samples)


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("channels", [1, 2])
def test_stems_that_share_no_frequency_come_back(name: str, channels: int) -> None:
    time_s = np.arange(2 * RATE) / RATE
    fade = np.sin(np.pi * time_s / 2) ** 2
    gains = np.linspace(1, 0.3, channels)[:, np.newaxis]
    references = {
        "low": Audio(gains * fade * np.sin(2 * np.pi * 300 * time_s), RATE),
        "high": Audio(gains[::-1] * fade * np.sin(2 * np.pi * 2500 * time_s), RATE),
    }
    separation = oracle(name, references, config={})
    assert all(sdr(references[source], separation[source]) > 30 for source in references)


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=15)
@given(
    sources=st.integers(1, 4), channels=st.integers(1, 3), length=st.integers(3, 900), silent=st.sets(st.integers(0, 3))
)
def test_stems_of_all_references_sum_to_any_mixture(
    name: str, sources: int, channels: int, length: int, silent: set[int]
) -> None:
    references = noises(sources, channels, length)
    references = {k: silence(v) if int(k[1]) in silent else v for k, v in references.items()}
    # One that the references do not explain, where they are silent least of all.
    mixture = Audio(0.3 * np.random.default_rng(9).standard_normal((channels, length)), RATE)
    assert np.abs(oracle(name, references, mixture).residual.samples).max() < 1e-5


@pytest.mark.parametrize("method", [IdealRatioMask, IdealBinaryMask])
def test_masks_lie_between_0_and_1_and_sum_to_1(method: type[Oracle]) -> None:
    found = masks(method, noises())
    np.testing.assert_allclose(found.imag, 0)
    assert ((found.real >= 0) & (found.real <= 1)).all()
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize("length", [1, 3001])
def test_every_bin_has_one_owner_and_that_is_the_loudest(length: int) -> None:
    references = noises(length=length)
    found = masks(IdealBinaryMask, references).real
    assert set(np.unique(found)) <= {0.0, 1.0}
    np.testing.assert_array_equal(found.sum(axis=0), 1)
    magnitudes = np.abs(Truth(references, STFT(128, 32)).spectra(slice(None)))
    np.testing.assert_array_equal((found * magnitudes).sum(axis=0), magnitudes.max(axis=0))


def test_ratio_masks_are_the_share_of_the_magnitude() -> None:
    references = noises()
    mixture, stft = sum_of(references), STFT(128, 32)
    magnitudes = {name: np.abs(stft.forward(stem.samples)) for name, stem in references.items()}
    total = sum(magnitudes.values())
    separation = oracle("ideal-ratio-mask", references)
    for name, stem in separation.items():
        expected = stft.inverse(magnitudes[name] / total * stft.forward(mixture.samples), mixture.length)
        np.testing.assert_allclose(stem.samples, expected, atol=1e-6)


def test_the_wiener_filter_of_one_channel_is_the_share_of_the_power() -> None:
    references = noises(channels=1)
    mixture, stft = sum_of(references), STFT(128, 32)
    powers = {name: np.abs(stft.forward(stem.samples)) ** 2 for name, stem in references.items()}
    total = sum(powers.values())
    separation = oracle("ideal-wiener-filter", references)
    for name, stem in separation.items():
        expected = stft.inverse(powers[name] / total * stft.forward(mixture.samples), mixture.length)
        np.testing.assert_allclose(stem.samples, expected, atol=1e-5)


def test_the_wiener_filter_of_several_channels_is_that_of_its_formula() -> None:
    # More sources than channels, so that no covariance needs any help to be inverted.
    references = noises(4, channels=2, length=600)
    mixture, stft = sum_of(references), STFT(128, 32)
    X = stft.forward(mixture.samples).astype(complex)
    S = [stft.forward(stem.samples).astype(complex) for stem in references.values()]
    v = [np.mean(np.abs(s) ** 2, axis=0) for s in S]
    R = [np.einsum("cft,dft->fcd", s, s.conj()) / p.sum(axis=1)[:, None, None] for s, p in zip(S, v, strict=True)]
    Y = np.zeros((4, *X.shape), complex)
    for f in range(X.shape[1]):
        for t in range(X.shape[2]):
            inverse = np.linalg.inv(sum(v[k][f, t] * R[k][f] for k in range(4)))
            for j in range(4):
                Y[j, :, f, t] = v[j][f, t] * R[j][f] @ inverse @ X[:, f, t]
    separation = oracle("ideal-wiener-filter", references)
    for stem, y in zip(separation.values(), Y, strict=True):
        np.testing.assert_allclose(stem.samples, stft.inverse(y, mixture.length), atol=1e-4)


def test_the_wiener_filter_uses_where_sources_lie() -> None:
    rng = np.random.default_rng(0)
    references = {
        name: Audio(0.1 * np.array(pan)[:, np.newaxis] * rng.standard_normal(RATE), RATE)
        for name, pan in (("left", (1.0, 0.3)), ("right", (0.4, 1.0)))
    }
    ratio, wiener = oracle("ideal-ratio-mask", references), oracle("ideal-wiener-filter", references)
    for name, truth in references.items():
        assert sdr(truth, wiener[name]) > sdr(truth, ratio[name]) + 20


def test_the_wiener_filter_does_not_depend_on_how_channels_are_mixed() -> None:
    references = noises(3, channels=2)
    turned = np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)
    plain = oracle("ideal-wiener-filter", references)
    other = oracle("ideal-wiener-filter", {name: Audio(turned @ s.samples, RATE) for name, s in references.items()})
    for name in references:
        np.testing.assert_allclose(other[name].samples, turned @ plain[name].samples, atol=1e-5)


@pytest.mark.parametrize("name", ORACLES)
def test_channels_can_be_swapped(name: str) -> None:
    references = noises()
    plain = oracle(name, references)
    swapped = oracle(name, {source: Audio(stem.samples[::-1], RATE) for source, stem in references.items()})
    for source in references:
        np.testing.assert_allclose(swapped[source].samples[::-1], plain[source].samples, atol=1e-5)


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("gain", [1e-6, 1e3])
def test_the_level_of_all_references_does_not_matter(name: str, gain: float) -> None:
    references = noises()
    louder = {source: Audio(np.float32(gain) * stem.samples, RATE) for source, stem in references.items()}
    plain, scaled = oracle(name, references), oracle(name, louder, sum_of(references))
    for source in references:
        np.testing.assert_allclose(scaled[source].samples, plain[source].samples, atol=1e-5)


@pytest.mark.parametrize("name", ORACLES)
def test_equal_references_share_equally_or_the_first_gets_all(name: str) -> None:
    one = noises(1)["s0"]
    first, second = oracle(name, {"first": one, "second": one}).values()
    share = 1.0 if name == "ideal-binary-mask" else 0.5
    np.testing.assert_allclose(first.samples, share * 2 * one.samples, atol=1e-6)
    np.testing.assert_allclose(second.samples, (1 - share) * 2 * one.samples, atol=1e-6)


@pytest.mark.parametrize("name", ORACLES)
def test_a_silent_reference_gets_silence_where_others_sound(name: str) -> None:
    references = {**noises(2), "none": silence(noises(2)["s0"])}
    separation = oracle(name, references)
    np.testing.assert_allclose(separation["none"].samples, 0, atol=1e-6)
    assert all(sdr(references[source], separation[source]) > 1 for source in ("s0", "s1"))


@pytest.mark.parametrize("name", SHARING)
def test_what_only_silent_references_explain_is_shared_equally(name: str) -> None:
    mixture = sum_of(noises())
    separation = oracle(name, dict.fromkeys("abcd", silence(mixture)), mixture)
    for stem in separation.values():
        np.testing.assert_allclose(stem.samples, mixture.samples / 4, atol=1e-6)


@pytest.mark.parametrize("name", ORACLES)
def test_a_part_of_the_references_may_be_asked_for_in_any_order(name: str) -> None:
    references = noises()
    everything, some = oracle(name, references), oracle(name, references, sources=["s2", "s0"])
    assert (everything.sources, some.sources) == (("s0", "s1", "s2"), ("s2", "s0"))
    for source, stem in some.items():
        np.testing.assert_allclose(stem.samples, everything[source].samples, atol=1e-6)


@pytest.mark.parametrize("name", ORACLES)
def test_blocks_do_not_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    references = noises(length=9001)
    whole = oracle(name, references)
    monkeypatch.setattr("sepkit.spectral._BLOCK_VALUES", 6000)
    assert len(Truth(references, STFT(128, 32)).blocks()) > 30
    for source, stem in oracle(name, references).items():
        np.testing.assert_allclose(stem.samples, whole[source].samples, atol=1e-6)


def test_a_source_without_a_reference_is_named_beside_those_there_are() -> None:
    with pytest.raises(SideInformationError, match="no reference for voice, oboe; there are references for s0, s1"):
        oracle("ideal-ratio-mask", noises(2), sources=["voice", "s0", "oboe"])


def test_references_are_read_and_have_to_be_like_the_mixture(tmp_path: Path) -> None:
    references = noises()
    for name, stem in references.items():
        stem.write(tmp_path / f"{name}.wav")
    paths = {name: tmp_path / f"{name}.wav" for name in references}
    read = separate(sum_of(references), "ideal-ratio-mask", references=paths, config=SMALL, registry=Registry())
    for name, stem in oracle("ideal-ratio-mask", references).items():
        np.testing.assert_array_equal(read[name].samples, stem.samples)
    for other in (noises(channels=1), noises(length=3000)):
        with pytest.raises(AudioError, match="reference 's0' needs the shape and rate of the mixture"):
            oracle("ideal-ratio-mask", other, sum_of(references))
    with pytest.raises(AudioError, match="no such audio file"):
        separate(sum_of(references), "ideal-ratio-mask", references={"a": tmp_path / "a.wav"}, registry=Registry())


def test_references_are_adapted_as_the_mixture_is() -> None:
    registry, references = Registry(), noises(2, channels=2, length=8001)
    registry.add(replace(registry.separator("ideal-wiener-filter"), name="mono", channels=1, sample_rate=16000))
    separation = separate(sum_of(references), "mono", references=references, registry=registry)
    assert len(separation.provenance.adaptations) == 2
    for name, truth in references.items():
        assert sdr(truth, separation[name]) > sdr(truth, separation.mixture) + 2


def test_side_information_says_that_it_holds_references() -> None:
    assert SideInformation(references=noises(1)).kinds == {"references"}


TABLE = {
    "bach10/mix05_bwv255": {"bassoon": 8.2, "clarinet": 10.6, "saxophone": 10.4, "violin": 10.2},
    "vocals/mir1k_amy_1_01": {"accompaniment": 16.0, "vocals": 16.0},
}


@pytest.mark.parametrize("track", TABLE)
def test_the_ratio_mask_has_the_quality_that_was_measured_elsewhere(track: str) -> None:
    folder = SHARED / track
    if not folder.is_dir():
        pytest.skip(f"needs the recordings in {SHARED}")
    references = {name: Audio.read(folder / "stems" / f"{name}.flac") for name in TABLE[track]}
    [mixture] = folder.glob("mixture.*")
    separation = oracle("ideal-ratio-mask", references, Audio.read(mixture), config={})
    found = {name: sdr(reference, separation[name]) for name, reference in references.items()}
    assert found == pytest.approx(TABLE[track], abs=0.3)
