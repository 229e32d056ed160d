"""The constraints activity and regions: what they allow, cell by cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Atom, Audio, Domain, Label, Labels, Layout, SideInformation, separate
from sepkit.builtin import Activity, MixtureConsistency, Regions
from sepkit.builtin.lapped import analysed, synthesised
from sepkit.errors import SideInformationError
from tests.test_labels import MIXTURE, RATE

NAMES = ("a", "b", "c")


def layout(*labels: Label, samples: int = 400, sources: tuple[str, ...] = NAMES, **more: Any) -> Layout:
    """Ten seconds at 40 Hz: a frame every half second, a bin every hertz."""
    return Layout(
        mixture=Audio(np.random.default_rng(0).normal(size=(2, samples)), 40),
        side_information=SideInformation(labels=(Labels(labels),)) if labels else SideInformation(),
        sources=sources,
        bins_hz=np.arange(21.0),
        frames_s=np.arange(20) / 2,
        atoms=(Atom("a"), Atom("b"), Atom(), Atom("a")),
        **more,
    )


def allowed(*labels: Label, domain: Domain = Domain.ACTIVATIONS, **options: float) -> NDArray[np.bool_]:
    strict = {"before_s": 0, "after_s": 0, **options}
    return np.asarray(Activity(**strict).bind(layout(*labels), domain).support)  # type: ignore[attr-defined]


class TestActivity:
    def test_a_source_is_silent_outside_its_spans(self) -> None:
        support = allowed(Label(2, 4, "a"), Label(3, 5, "a"), Label(8, 99, "a"))
        wanted = [2 <= time < 5 or time >= 8 for time in np.arange(20) / 2]
        assert support[0].tolist() == support[3].tolist() == wanted
        assert support[1].all()
        assert support[2].all()

    def test_tolerances(self) -> None:
        assert np.flatnonzero(allowed(Label(2, 4, "a"), before_s=1, after_s=0.5)[0]).tolist() == list(range(2, 9))

    def test_rests_go_before_spans(self) -> None:
        support = allowed(Label(2, 6, "a"), Label(3, 4, "a", absent=True))
        assert np.flatnonzero(support[0]).tolist() == [4, 5, 8, 9, 10, 11]
        only = allowed(Label(3, 5, "a", absent=True), before_s=0.5, after_s=0.5)
        assert np.flatnonzero(~only[0]).tolist() == [7, 8]

    def test_a_box_is_a_span_of_a_source_that_has_others(self) -> None:
        support = allowed(Label(2, 3, "a"), Label(6, 7, "a", 5, 9), Label(6, 7, "b", 5, 9))
        assert np.flatnonzero(support[0]).tolist() == [4, 5, 12, 13]
        assert support[1].all()

    def test_every_domain_says_the_same(self) -> None:
        labels = (Label(2, 4, "a"), Label(1, 9, "b"))
        on_spectrograms = allowed(*labels, domain=Domain.SPECTROGRAMS)
        assert (on_spectrograms[:, 0] == on_spectrograms.all(axis=1)).all()
        on_waveforms = allowed(*labels, domain=Domain.WAVEFORMS)
        assert on_waveforms.shape == (3, 2, 400)
        assert (on_waveforms[:, 0, ::20] == on_spectrograms[:, 0]).all()

    def test_unknown_sources(self) -> None:
        with pytest.raises(SideInformationError, match="labels of 'd'"):
            Activity().bind(layout(Label(1, 2, "d")), Domain.SPECTROGRAMS)

    def test_what_it_can_say_nothing_of(self) -> None:
        assert "without a span" in str(Activity().vacuous(layout(Label(1, 2, "a", 3, 5)), Domain.WAVEFORMS))
        assert "atoms whose source" in str(Activity().vacuous(layout(Label(1, 2, "c")), Domain.ACTIVATIONS))
        assert Activity().vacuous(layout(Label(1, 2, "c")), Domain.WAVEFORMS) is None

    def test_with_mixture_consistency(self) -> None:
        where = layout(Label(2, 4, "a"))
        stems = np.random.default_rng(1).normal(size=(3, 2, 400))
        stems = Activity().bind(where, Domain.WAVEFORMS).project(stems)
        summed = MixtureConsistency().bind(where, Domain.WAVEFORMS).project(stems)
        assert np.allclose(summed.sum(axis=0), where.mixture.samples)
        assert Activity().bind(where, Domain.WAVEFORMS).violation(summed) == 0

    def test_any_method_takes_it(self) -> None:
        labels = Labels((Label(0, 1, "sax"),))
        found = separate(MIXTURE, "mixture", sources=["sax", "rest"], labels=labels, constraints=["activity"])
        end = round(1.2 * RATE)
        assert not found["sax"].samples[:, end + 1 :].any()
        assert np.array_equal(found["sax"].samples[:, :end], MIXTURE.samples[:, :end])
        assert np.array_equal(found["rest"].samples, MIXTURE.samples)


def shares(*labels: Label) -> NDArray[np.float64]:
    """Shares of three equal sources after projection [shape=(sources, bins, frames)]."""
    value = np.ones((3, 21, 20))
    projected = Regions().bind(layout(*labels), Domain.SPECTROGRAMS).project(value)
    assert np.allclose(projected.sum(axis=0), 3)
    return np.asarray(projected) / 3


class TestRegions:
    BOX = (slice(5, 10), slice(4, 9))

    def test_all_of_a_box(self) -> None:
        found = shares(Label(2, 4, "a", 5, 9))
        outside = np.ones((21, 20), bool)
        outside[self.BOX] = False
        assert np.allclose(found[0][self.BOX], 1)
        assert np.allclose(found[:, outside], 1 / 3)

    def test_most_of_a_box(self) -> None:
        assert np.allclose(shares(Label(2, 4, "a", 5, 9, strength=0.8))[:, 5, 4], [0.8, 0.1, 0.1])

    def test_weaker_than_what_is_there(self) -> None:
        assert np.allclose(shares(Label(2, 4, "a", 5, 9, strength=0.3))[:, 5, 4], 1 / 3)

    def test_none_and_little(self) -> None:
        assert np.allclose(shares(Label(2, 4, "a", 5, 9, absent=True))[:, 5, 4], [0, 0.5, 0.5])
        assert np.allclose(shares(Label(2, 4, "a", 5, 9, absent=True, strength=0.9))[:, 5, 4], [0.1, 0.45, 0.45])

    def test_two_share_a_place(self) -> None:
        found = shares(Label(2, 4, "a", 5, 9), Label(3, 5, "b", 7, 12))
        assert np.allclose(found[:, 6, 5], [1, 0, 0])
        assert np.allclose(found[:, 8, 7], [0.5, 0.5, 0])
        assert np.allclose(found[:, 11, 9], [0, 1, 0])

    def test_nobody(self) -> None:
        labels = [Label(2, 4, name, 5, 9, absent=True) for name in NAMES]
        value = np.ones((3, 21, 20))
        projected = Regions().bind(layout(*labels), Domain.SPECTROGRAMS).project(value)
        assert not projected[(slice(None), *self.BOX)].any()

    @pytest.mark.parametrize(
        "labels",
        [
            (Label(2, 4, "a", 5, 9), Label(3, 5, "a", 5, 9, absent=True)),
            tuple(Label(2, 4, name, 5, 9, absent=True, strength=0.5) for name in NAMES),
        ],
    )
    def test_contradictions(self, labels: tuple[Label, ...]) -> None:
        for domain in (Domain.SPECTROGRAMS, Domain.WAVEFORMS):
            with pytest.raises(SideInformationError, match="labels contradict each other at"):
                Regions().bind(layout(*labels), domain)

    @pytest.mark.parametrize("faint", [0.0, 1e-42, 1e-30])
    def test_next_to_nothing(self, faint: float) -> None:
        """A box of a source that the model has next to nothing of."""
        value = np.ones((3, 21, 20), np.float32)
        value[:2] = faint
        projection = Regions().bind(layout(Label(2, 4, "a", 5, 9), Label(2, 4, "b", 5, 9)), Domain.SPECTROGRAMS)
        projected = projection.project(value)
        assert np.allclose(projected[:, 6, 5], [0.5, 0.5, 0], atol=1e-6)
        assert np.isfinite(projected).all()

    def test_open_bands_and_strength_without_a_band(self) -> None:
        assert np.allclose(shares(Label(2, 4, "a", 15, None))[0, 15:, 5], 1)
        assert np.allclose(shares(Label(2, 4, "a", None, 3))[0, :4, 5], 1)
        assert np.allclose(shares(Label(2, 4, "a", strength=0.6))[0, :, 5], 0.6)

    def test_smaller_than_a_cell(self) -> None:
        found = shares(Label(2.1, 2.2, "a", 5.1, 5.2))
        assert found[0, 5, 4] == 1
        assert np.isclose(found[0], 1).sum() == 1

    def test_above_what_a_method_works_up_to(self) -> None:
        assert "above the 20 Hz" in str(Regions().vacuous(layout(Label(1, 2, "a", 30, 40)), Domain.WAVEFORMS))

    def test_boxes_beyond_the_end_and_apart(self) -> None:
        found = shares(Label(50, 60, "a", 5, 9), Label(1, 1.5, "a", 5, 9), Label(8, 20, "b", 5, 9))
        assert np.flatnonzero(np.isclose(found[0, 6], 1)).tolist() == [2, 3]
        assert np.flatnonzero(np.isclose(found[1, 6], 1)).tolist() == [16, 17, 18, 19]


BOXES = st.lists(
    st.builds(
        lambda start, length, name, low, width, percent: Label(
            start, start + length, name, low, low + width, strength=percent / 100
        ),
        st.floats(0, 9),
        st.floats(0.01, 5),
        st.sampled_from(NAMES),
        st.floats(0, 15),
        st.floats(0.1, 8),
        st.integers(10, 100),
    ),
    min_size=1,
    max_size=4,
)


@given(BOXES, st.integers(0, 100))
def test_the_nearest_distribution_within_the_limits(labels: list[Label], seed: int) -> None:
    """Of many distributions within the limits, none is nearer in the sense of Kullback and Leibler."""
    rng = np.random.default_rng(seed)
    projection = Regions().bind(layout(*labels), Domain.SPECTROGRAMS)
    value = rng.gamma(1.0, 1.0, (3, 21, 20)) + 1e-3
    projected = projection.project(value)
    assert projection.violation(projected) == pytest.approx(0, abs=1e-9)
    assert np.allclose(projected.sum(axis=0), value.sum(axis=0))
    others = projection.project(rng.gamma(1.0, 1.0, value.shape) + 1e-3)
    others *= value.sum(axis=0) / others.sum(axis=0)

    def divergence(allowed_: NDArray[np.float64]) -> NDArray[np.float64]:
        safe = np.where(allowed_ > 0, allowed_, 1)
        return (allowed_ * np.log(safe / value)).sum(axis=0)

    assert (divergence(projected) <= divergence(others) + 1e-6).all()


class TestOnWaveforms:
    @pytest.mark.parametrize(("length", "size"), [(40, 8), (64, 8), (8, 8), (70, 14)])
    def test_the_transform_is_orthogonal(self, length: int, size: int) -> None:
        matrix = np.stack([analysed(row, size).ravel() for row in np.eye(length - length % size)])
        assert np.allclose(matrix @ matrix.T, np.eye(len(matrix)))
        samples = np.random.default_rng(0).normal(size=(2, length - length % size))
        assert np.allclose(synthesised(analysed(samples, size)), samples)

    def test_a_box_goes_to_its_source_and_the_sum_stays(self) -> None:
        time_s = np.arange(2 * RATE) / RATE
        tone = np.sin(2 * np.pi * 1000 * time_s)[np.newaxis]
        where = Layout(
            mixture=Audio(tone, RATE),
            side_information=SideInformation(labels=(Labels((Label(0.5, 1.5, "a", 800, 1200),)),)),
            sources=("a", "b"),
        )
        stems = np.stack([0.3 * tone, 0.7 * tone])
        projected = Regions().bind(where, Domain.WAVEFORMS).project(stems)
        assert np.allclose(projected.sum(axis=0), tone)
        middle = slice(round(0.6 * RATE), round(1.4 * RATE))
        left = np.sqrt(np.mean(projected[1, 0, middle] ** 2)) / math.sqrt(0.5)
        assert left < 0.03
        outside = slice(0, round(0.4 * RATE))
        assert np.allclose(projected[..., outside], stems[..., outside])
