"""Labels: atoms of their own for labelled sources, silence where they rest, and boxes as posterior regularisation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from sepkit import Audio, Label, Labels, Layout, SideInformation, separate
from sepkit.builtin import Regions
from sepkit.errors import SideInformationError
from sepkit.problem.constraint import BoundConstraints
from sepkit.problem.domain import Domain
from sepkit_nmf import beta_divergence, factorize, random_init
from sepkit_nmf.allocation import Allocation

RATE = 8000
RNG = np.random.default_rng(0)
CONFIG = {"rank": 3, "iterations": 60, "window_s": 0.032}


def tone(f0_hz: float, start_s: float, end_s: float, duration_s: float = 3.0) -> NDArray[np.float64]:
    """A tone with partials that sounds for a while."""
    time_s = np.arange(round(duration_s * RATE)) / RATE
    sounding = (time_s >= start_s) & (time_s < end_s)
    return 0.1 * sounding * sum(np.sin(2 * np.pi * m * f0_hz * time_s) / m for m in (1, 2, 3))


LOW = Audio(tone(220, 0, 2)[np.newaxis], RATE)
HIGH = Audio(tone(700, 1, 3)[np.newaxis], RATE)
MIXTURE = Audio(LOW.samples + HIGH.samples, RATE)
SPANS = (Label(0, 2, "low"), Label(1, 3, "high"))


def sdr(stem: Audio, truth: Audio) -> float:
    error = np.sum(np.square(truth.samples - stem.samples))
    return float(10 * np.log10(np.sum(np.square(truth.samples)) / error))


def melody(f0s_hz: Sequence[float], start_s: float, end_s: float) -> Audio:
    """Notes of half a second, one after the other, within six seconds."""
    notes = (
        tone(f0s_hz[index % len(f0s_hz)], onset_s, onset_s + 0.5, duration_s=6.0)
        for index, onset_s in enumerate(np.arange(start_s, end_s, 0.5))
    )
    return Audio(np.sum(list(notes), axis=0)[np.newaxis], RATE)


class TestMelodiesOfOneTimbre:
    """What no grouping by envelopes can part: one from the start, the other to the end, and two seconds of both."""

    FIRST, SECOND = melody((220, 330, 262), 0, 4), melody((277, 370, 466), 2, 6)
    MIXTURE = Audio(FIRST.samples + SECOND.samples, RATE)
    OPTIONS: ClassVar = {"rank": 4, "iterations": 100, "window_s": 0.064}

    def worse(self, first: Audio, second: Audio) -> float:
        return min(sdr(first, self.FIRST), sdr(second, self.SECOND))

    @pytest.mark.parametrize("seed", range(2))
    def test_spans_separate_them(self, seed: int) -> None:
        blind = separate(self.MIXTURE, "nmf", sources=["a", "b"], config={**self.OPTIONS, "rank": 8}, seed=seed)
        assert max(self.worse(blind["a"], blind["b"]), self.worse(blind["b"], blind["a"])) < 6
        masks = separate(self.MIXTURE, "ideal-ratio-mask", references={"first": self.FIRST, "second": self.SECOND})
        labels = Labels((Label(0, 4, "first"), Label(2, 6, "second")))
        found = separate(self.MIXTURE, "nmf", labels=labels, config=self.OPTIONS, seed=seed)
        best = self.worse(masks["first"], masks["second"])
        assert self.worse(found["first"], found["second"]) > best - 3
        turned = Labels((Label(0, 4, "second"), Label(2, 6, "first")))
        found = separate(self.MIXTURE, "nmf", labels=turned, config=self.OPTIONS, seed=seed)
        assert self.worse(found["second"], found["first"]) > best - 3

    def test_spans_of_one_are_enough(self) -> None:
        labels = Labels((Label(0, 4, "first"),))
        found = separate(self.MIXTURE, "nmf", sources=["rest", "first"], labels=labels, config=self.OPTIONS)
        assert self.worse(found["first"], found["rest"]) > 15

    def test_where_one_rests_it_has_nothing(self) -> None:
        labels = Labels((Label(0, 4, "first"), Label(2, 6, "second")))
        found = separate(self.MIXTURE, "nmf", labels=labels, config=self.OPTIONS)
        assert not found["second"].samples[:, : round(1.7 * RATE)].any()
        assert np.allclose(
            found["first"].samples[:, : round(1.7 * RATE)], self.FIRST.samples[:, : round(1.7 * RATE)], atol=1e-4
        )


def test_spans_alone_name_the_sources() -> None:
    for seed in range(3):
        found = separate(MIXTURE, "nmf", labels=Labels(SPANS), config=CONFIG, seed=seed)
        assert found.sources == ("low", "high")
        assert min(sdr(found["low"], LOW), sdr(found["high"], HIGH)) > 12
        assert not found.provenance.remarks


def test_spans_that_tell_nobody_apart_are_told() -> None:
    alike = Labels((Label(0.5, 2.5, "low"), Label(0.5, 2.5, "high")))
    told = separate(MIXTURE, "nmf", labels=alike, config=CONFIG).provenance.remarks
    assert any(
        "'low' and 'high' sound at the same times" in one and "mark where one of them rests" in one for one in told
    )
    boxed = Labels((*alike.labels, Label(1, 2, "high", 600, 800)))
    assert not separate(MIXTURE, "nmf", labels=boxed, config=CONFIG).provenance.remarks


def test_a_source_is_silent_where_it_rests() -> None:
    found = separate(
        MIXTURE,
        "nmf",
        sources=["high", "low"],
        labels=Labels(SPANS),
        constraints=["activity:before_s=0,after_s=0"],
        config=CONFIG,
        keep_variables=True,
    )
    variables = found.variables
    assert variables is not None
    layout = variables.layout
    assert layout.frames_s is not None
    assert layout.atoms is not None
    of_high = [atom.source == "high" for atom in layout.atoms]
    assert not variables.values[Domain.ACTIVATIONS][of_high][:, layout.frames_s < 1].any()
    window = round(CONFIG["window_s"] * RATE)
    assert not found["high"].samples[:, : RATE - window].any()
    activity = found.provenance.constraints[-1]
    assert (activity["name"], activity["violation"]) == ("activity", 0)


def test_one_source_alone_is_not_enough() -> None:
    with pytest.raises(SideInformationError, match="--sources 'low,rest'"):
        separate(MIXTURE, "nmf", labels=Labels(SPANS[:1]), config=CONFIG)
    found = separate(MIXTURE, "nmf", sources=["low", "rest"], labels=Labels(SPANS[:1]), config=CONFIG)
    assert sdr(found["rest"], HIGH) > 10


@pytest.mark.parametrize("strength", [1.0, 0.9])
def test_a_box_belongs_to_its_source(strength: float) -> None:
    noise = Audio(0.02 * RNG.normal(size=MIXTURE.samples.shape), RATE)
    mixture = Audio(MIXTURE.samples + noise.samples, RATE)
    box = Label(1, 2, "high", 1300, 1500, strength=strength)
    found = separate(mixture, "nmf", labels=Labels((*SPANS, box)), config=CONFIG)
    violation = {one["name"]: one["violation"] for one in found.provenance.constraints}
    assert violation["regions"] == pytest.approx(0, abs=1e-5)

    def in_box(audio: Audio) -> float:
        spectrum = np.abs(np.fft.rfft(audio.samples[0, round(1.2 * RATE) : round(1.8 * RATE)]))
        hz = np.fft.rfftfreq(round(0.6 * RATE), 1 / RATE)
        return float(np.sqrt(np.sum(spectrum[(hz > 1350) & (hz < 1450)] ** 2)))

    share = in_box(found["low"]) / in_box(mixture)
    assert share <= (1 - strength) + 1e-6 + 0.02


def test_boxes_with_examples_and_other_divergences() -> None:
    labels = Labels((Label(1, 2, "high", 1300, 1500), *SPANS))
    for config in ({**CONFIG, "beta": 2}, {**CONFIG, "beta": 0, "iterations": 20}):
        found = separate(MIXTURE, "nmf", labels=labels, config=config)
        assert found.sources == ("high", "low")
    found = separate(MIXTURE, "nmf", labels=labels, examples={"low": LOW, "high": HIGH}, config=CONFIG)
    assert sdr(found["low"], LOW) > 15


class TestPosteriorRegularisation:
    V = RNG.gamma(1.0, 1.0, (12, 20))
    W, H = random_init(V, 4, np.random.default_rng(1))
    MEMBERS: ClassVar = {"a": np.array([0, 2]), "b": np.array([1, 3])}

    def allocation(self, *labels: Label) -> Allocation:
        layout = Layout(
            mixture=Audio(np.zeros((1, 2000)), 1000),
            side_information=SideInformation(labels=(Labels(labels),)) if labels else SideInformation(),
            sources=("a", "b"),
            bins_hz=np.linspace(0, 500, 12),
            frames_s=np.arange(20) / 10,
        )
        bound = Regions().bind(layout, Domain.SPECTROGRAMS)
        return Allocation(self.MEMBERS, BoundConstraints((("regions", bound),)))

    def fit(self, allocation: Allocation | None, **options: Any) -> Any:
        return factorize(
            self.V, self.W, self.H, solver="mu", max_iterations=30, tolerance=0, allocation=allocation, **options
        )

    @pytest.mark.parametrize("beta", [0.5, 1, 1.5, 2])
    def test_without_boxes_it_is_the_factorisation_of_the_whole_for_kullback_and_leibler(self, beta: float) -> None:
        free, split = self.fit(None, beta=beta), self.fit(self.allocation(), beta=beta)
        if beta == 1:
            assert np.allclose(split.W @ split.H, free.W @ free.H, rtol=1e-8)
        else:
            assert split.costs[-1] < split.costs[0]

    @pytest.mark.parametrize("strength", [0.6, 0.9, 1.0])
    def test_the_cost_never_rises(self, strength: float) -> None:
        allocation = self.allocation(Label(0.5, 1.5, "a", 100, 300, strength=strength), Label(0.2, 0.8, "b", 400, 450))
        costs = self.fit(allocation).costs
        assert (np.diff(costs) <= 1e-9 * costs[0]).all()

    def test_one_iteration_is_that_of_the_paper(self) -> None:
        """Expectation and maximisation of Bryan and Mysore with weights 0 and 1, written out cell by cell."""
        box = (slice(3, 7), slice(5, 15))
        allocation = self.allocation(Label(0.5, 1.41, "a", 130, 280))
        weight = np.ones((2, 12, 20))
        weight[1][box] = 0
        W, H = self.W.copy(), self.H.copy()
        for factor in ("H", "W"):
            models = np.stack([W[:, own] @ H[own] for own in self.MEMBERS.values()])
            ratio = weight * self.V / (weight * models).sum(axis=0)
            for own, part in zip(self.MEMBERS.values(), ratio, strict=True):
                if factor == "H":
                    H[own] *= W[:, own].T @ part / W[:, own].sum(axis=0)[:, np.newaxis]
                else:
                    W[:, own] *= part @ H[own].T / H[own].sum(axis=1)
        found = factorize(self.V, self.W, self.H, solver="mu", max_iterations=1, tolerance=0, allocation=allocation)
        assert np.allclose(found.H, H)
        assert np.allclose(found.W, W)

    def test_it_needs_multiplicative_updates(self) -> None:
        with pytest.raises(ValueError, match="need 'mu'"):
            factorize(self.V, self.W, self.H, solver="mue", allocation=self.allocation())


def test_more_labels_go_on_from_a_first_result(tmp_path: Path) -> None:
    first = separate(MIXTURE, "nmf", labels=Labels(SPANS), config=CONFIG, keep_variables=True)
    first.write(tmp_path / "first", variables=True)
    more = Labels((*SPANS, Label(1, 2, "high", 1300, 1500)))
    start = {**CONFIG, "start": tmp_path / "first" / "variables.npz", "iterations": 10}
    second = separate(MIXTURE, "nmf", labels=more, config=start)
    assert second.sources == ("low", "high")
    assert second.provenance.traces["cost"][0] < 2 * first.provenance.traces["cost"][-1] + 1
    before, after = (min(sdr(one["low"], LOW), sdr(one["high"], HIGH)) for one in (first, second))
    assert after > before - 0.5


def test_divergence_of_allocated_parts_is_that_of_the_whole_when_all_is_free() -> None:
    V = np.random.default_rng(3).gamma(1.0, 1.0, (6, 8))
    W, H = random_init(V, 2, np.random.default_rng(4))
    models = np.stack([np.outer(W[:, k], H[k]) for k in (0, 1)])
    parts = V * models / models.sum(axis=0)
    # KL(V_s | Y_s) summed over the sources is KL(V | Y) where V_s is V in the ratio of Y_s: the bound of the E-step.
    split = sum(beta_divergence(part, model, 1) for part, model in zip(parts, models, strict=True))
    assert split == pytest.approx(beta_divergence(V, W @ H, 1))
