"""The uncertainty of stems, from the method to file and picture."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio, Config, Problem, Registry, Run, Separation, Separator, separate
from sepkit.errors import PluginError
from sepkit.plots.uncertainty import agreement_curve
from sepkit.plugin import SeparatorSpec
from sepkit.solving.agreement import agreement_db
from tests.test_separation import provenance

NoiseOf = Callable[..., Audio]


class Unsure(Separator[Config]):
    """Equal shares, each with a tenth of the mixture's magnitude as standard deviation."""

    sign = 1

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        mixture, names = problem.mixture, problem.sources
        share = Audio(mixture.samples / np.float32(len(names)), mixture.sample_rate)
        spread = Audio(self.sign * np.abs(mixture.samples) / 10, mixture.sample_rate)
        run.report_uncertainty(dict.fromkeys(names, spread))
        return dict.fromkeys(names, share)


class Negative(Unsure):
    sign = -1


def registry(factory: str = "Unsure", sample_rate: int | None = None, channels: int | None = None) -> Registry:
    registry = Registry()
    spec = SeparatorSpec(
        name="unsure",
        summary="equal shares, unsurely",
        factory=f"{__name__}:{factory}",
        sample_rate=sample_rate,
        channels=channels,
    )
    registry.add(spec)
    return registry


def test_comes_back_with_the_stems(noise: NoiseOf) -> None:
    mixture = noise(1)
    separation = separate(mixture, "unsure", sources=["b", "a"], registry=registry())
    assert list(separation.uncertainty) == ["b", "a"]
    np.testing.assert_allclose(separation.uncertainty["a"].samples, np.abs(mixture.samples) / 10)
    # Half of the mixture against a tenth of it: 14 dB.
    assert separation.provenance.agreement_db["a"] == pytest.approx(20 * np.log10(5), abs=1e-3)


def test_follows_the_stems_to_the_mixtures_rate_and_channels(noise: NoiseOf) -> None:
    mono = noise(1).samples[0]
    mixture = Audio(np.stack([mono, 3 * mono]), 16000)
    separation = separate(mixture, "unsure", sources=["a", "b"], registry=registry(sample_rate=11025, channels=1))
    spread = separation.uncertainty["a"].samples
    assert spread.shape == mixture.samples.shape
    assert separation.uncertainty["a"].sample_rate == 16000
    assert spread.min() >= 0
    # The mixdown's level is twice the first channel's, so the channels have half and three halves of its uncertainty.
    np.testing.assert_allclose(spread[1], 3 * spread[0], rtol=1e-5)


def test_must_not_be_negative(noise: NoiseOf) -> None:
    with pytest.raises(PluginError, match="standard deviations need to be 0 or more, and of a, b some are negative"):
        separate(noise(1), "unsure", sources=["a", "b"], registry=registry("Negative"))


def test_is_written_beside_the_stems(noise: NoiseOf, tmp_path: Path) -> None:
    separation = separate(noise(1), "unsure", sources=["a", "../b"], registry=registry())
    separation.write(tmp_path / "out")
    written = sorted(file.name for file in (tmp_path / "out").glob("*.wav"))
    assert "a.wav" in written
    assert sorted(file.name for file in (tmp_path / "out" / "uncertainty").iterdir()) == written
    assert len(list(tmp_path.rglob("*.wav"))) == 4
    again = Audio.read(tmp_path / "out" / "uncertainty" / "a.wav")
    np.testing.assert_array_equal(again.samples, separation.uncertainty["a"].samples)
    record = json.loads((tmp_path / "out" / "separation.json").read_text())
    assert record["agreement_db"]["a"] == pytest.approx(13.98, abs=0.01)


def test_methods_that_do_not_know_it_write_none(noise: NoiseOf, tmp_path: Path) -> None:
    separation = separate(noise(1), "mixture", sources=["a"])
    separation.write(tmp_path / "out")
    assert separation.uncertainty == {}
    assert separation.provenance.agreement_db == {}
    assert not (tmp_path / "out" / "uncertainty").exists()


def test_agreement_of_the_extremes() -> None:
    loud, silent = Audio(np.ones((1, 4), np.float32), 8), Audio(np.zeros((1, 4), np.float32), 8)
    agreement = agreement_db(
        {"sure": loud, "unsure": silent, "silent": silent}, {"sure": silent, "unsure": loud, "silent": silent}
    )
    assert agreement["sure"] == np.inf
    assert agreement["unsure"] == -np.inf
    assert np.isnan(agreement["silent"])


def test_curve_is_that_of_every_stretch() -> None:
    stem = Audio(np.array([[1, 1, 1, 1, 0, 0]], np.float32), 8)
    spread = Audio(np.array([[1, 1, 0.1, 0.1, 1, 1]], np.float32), 8)
    np.testing.assert_allclose(agreement_curve(stem, spread, np.array([0, 2, 4, 6])), [0, 20, np.nan], atol=1e-5)


def test_long_curves_are_computed_in_blocks_that_agree(noise: NoiseOf) -> None:
    stem, edges = noise(1), np.arange(0, 2001, 3)
    energies = [np.sum(stem.samples[:, a:b].astype(float) ** 2) for a, b in itertools.pairwise(edges)]
    flat = Audio(np.ones_like(stem.samples), stem.sample_rate)
    np.testing.assert_allclose(agreement_curve(stem, flat, edges), 10 * np.log10(np.array(energies) / 3), atol=1e-6)


def test_picture_has_a_column_for_it(noise: NoiseOf) -> None:
    pytest.importorskip("matplotlib")
    mixture = noise(1)
    spread = Audio(np.full_like(mixture.samples, 0.01), mixture.sample_rate)
    record = provenance(agreement_db={"voice": 20.0})
    separation = Separation(mixture, {"voice": mixture}, record, uncertainty={"voice": spread})
    titles = [axis.get_title(loc="left") for axis in separation.plot().axes]
    assert "agreement on voice: 20.0 dB" in titles
    assert not any("agreement" in axis.get_title(loc="left") for axis in Separation(mixture, {}, record).plot().axes)
