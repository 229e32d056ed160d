from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Label, Labels, Separation, SepkitError
from sepkit.errors import WriteError
from sepkit.plots.canvas import write_figure
from tests.commandline import script
from tests.test_separation import provenance

pytest.importorskip("matplotlib")

NoiseOf = Callable[..., Audio]
PNG = b"\x89PNG\r\n"


def halves(mixture: Audio, *gains: float, **traces: list[float]) -> Separation:
    """Every stem is the mixture times a gain."""
    gains = gains or (0.5, 0.5)
    stems = {
        f"stem {i}": Audio(mixture.samples * np.float32(gain), mixture.sample_rate) for i, gain in enumerate(gains)
    }
    return Separation(mixture, stems, provenance(traces=traces))


def tone(hz: float, start_s: float, stop_s: float, *, duration_s: float = 2.0, rate: int = 8000) -> Audio:
    time_s = np.arange(round(duration_s * rate)) / rate
    sounding = (time_s >= start_s) & (time_s < stop_s)
    return Audio((np.sin(2 * np.pi * hz * time_s) * sounding)[np.newaxis].astype(np.float32), rate)


def panels(figure: Any) -> dict[str, Any]:
    """The axes by title, without colour bars."""
    return {axis.get_title(loc="left"): axis for axis in figure.axes if axis.get_title(loc="left")}


def picture(figure: Any) -> Any:
    """Values of an image, and the centres of its columns and rows in units of the axes."""
    (image,) = figure.images
    values = image.get_array()
    left, right, bottom, top = image.get_extent()
    columns, rows = values.shape[1], values.shape[0]
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows
    return values, x, y


def test_shows_mixture_stems_and_their_masks(noise: NoiseOf) -> None:
    shown = panels(halves(noise(2), 0.75, 0.25, cost=[3.0, 2.0, 1.5]).plot())
    assert list(shown) == ["mixture", "cost", "stem 0", "mask of stem 0", "stem 1", "mask of stem 1"]
    np.testing.assert_allclose(picture(shown["mask of stem 0"])[0], 0.75, atol=1e-3)
    np.testing.assert_allclose(picture(shown["mask of stem 1"])[0], 0.25, atol=1e-3)
    np.testing.assert_array_equal(shown["cost"].lines[0].get_ydata(), [3.0, 2.0, 1.5])
    assert shown["cost"].get_xlabel() == "iterations"


def test_scale_of_level_is_shared(noise: NoiseOf) -> None:
    shown = panels(halves(noise(), 0.1, 0.9).plot())
    assert picture(shown["mixture"])[0].max() == 0
    assert picture(shown["stem 0"])[0].max() == pytest.approx(-20, abs=0.01)
    assert {shown[name].images[0].get_clim() for name in ("mixture", "stem 0", "stem 1")} == {(-70, 0)}


def test_residual_is_there_only_if_it_shows(noise: NoiseOf) -> None:
    assert "residual" not in panels(halves(noise(), 0.5, 0.5).plot())
    assert "residual" not in panels(halves(noise(), 0.5, 0.4999).plot())
    shown = panels(halves(noise(), 0.5, 0.4).plot())
    assert picture(shown["residual"])[0].max() == pytest.approx(-20, abs=0.01)
    np.testing.assert_allclose(picture(shown["mask of residual"])[0], 0.1, atol=1e-3)


@pytest.mark.parametrize("duration_s", [2.0, 40.0, 120.0], ids=["frames", "pooled", "coarse"])
def test_sounds_are_where_they_are_in_time_and_frequency(duration_s: float) -> None:
    mixture = tone(1000, duration_s / 4, duration_s / 2, duration_s=duration_s)
    figure = halves(mixture).plot()
    axis = panels(figure)["mixture"]
    level, time_s, khz = picture(axis)
    loud = level > -6
    assert time_s[loud.any(axis=0)].min() == pytest.approx(duration_s / 4, abs=0.04)
    assert time_s[loud.any(axis=0)].max() == pytest.approx(duration_s / 2, abs=0.04)
    np.testing.assert_allclose(khz[loud.any(axis=1)], 1.0, atol=0.02)
    assert axis.get_xlim() == (0, duration_s)
    assert axis.get_xlabel() == ""
    assert panels(figure)["stem 1"].get_xlabel() == "seconds"
    assert axis.get_ylim() == (0, 4)


def test_beyond_five_minutes_in_minutes_and_in_few_columns() -> None:
    shown = panels(halves(tone(30, 0, 0.5, duration_s=1200, rate=100)).plot())
    assert shown["stem 1"].get_xlabel() == "minutes"
    assert shown["stem 1"].get_xlim() == (0, 20)
    assert picture(shown["stem 1"])[0].shape[1] <= 2000


def test_a_click_in_a_long_recording_is_not_skipped() -> None:
    samples = np.zeros((1, 8000 * 200), np.float32)
    samples[0, 1_234_567] = 1
    level, time_s, _ = picture(panels(halves(Audio(samples, 8000)).plot())["mixture"])
    assert time_s[level.max(axis=0) > -6] == pytest.approx(1_234_567 / 8000, abs=0.2)


def test_memory_does_not_grow_with_length(noise: NoiseOf) -> None:
    peaks = []
    for length in (500_000, 4_000_000):
        separation = halves(noise(1, length))
        tracemalloc.start()
        separation.plot()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Four million samples weigh 16 MB; an array of that size anywhere would show.
    assert peaks[1] < peaks[0] + 8e6


def test_masks_are_blank_where_there_is_nothing_to_share() -> None:
    values, time_s, _ = picture(panels(halves(tone(1000, 0, 1)).plot())["mask of stem 0"])
    blank = np.ma.getmaskarray(values)
    assert blank[:, time_s > 1.1].all()
    assert not blank[:, time_s < 0.9].all()


@pytest.mark.parametrize(
    "mixture",
    [
        Audio(np.zeros((1, 4000)), 8000),
        Audio(np.ones((2, 1)), 44100),
        Audio(np.ones((1, 3)), 1),
        Audio(np.full((1, 500), 1e-30), 8000),
        Audio(np.full((1, 500), 1e9), 192_000),
    ],
    ids=["silence", "one sample", "1 Hz", "faint", "huge"],
)
def test_draws_whatever_audio_there_can_be(mixture: Audio) -> None:
    assert halves(mixture).plot()._repr_png_().startswith(PNG)


def test_opposite_channels_do_not_vanish(noise: NoiseOf) -> None:
    one = noise().samples
    level = picture(panels(halves(Audio(np.concatenate([one, -one]), 8000)).plot())["mixture"])[0]
    np.testing.assert_allclose(level, picture(panels(halves(noise()).plot())["mixture"])[0], atol=1e-3)


@pytest.mark.parametrize(
    "values", [[], [np.nan, np.inf], [2.0], [1.0, np.inf, 0.5], [1e308, 1e-300], [-1.0, 2.0], list(range(1, 100_000))]
)
def test_curves_of_every_kind(values: list[float], noise: NoiseOf) -> None:
    figure = halves(noise(), cost=values).plot()
    assert ("cost" in panels(figure)) == bool(np.isfinite(values).any())
    assert figure._repr_png_().startswith(PNG)


def test_a_method_without_a_cost_shows_its_first_curve(noise: NoiseOf) -> None:
    assert "loss" in panels(halves(noise(), loss=[2.0, 1.0], step=[1.0, 1.0]).plot())
    assert "cost" in panels(halves(noise(), loss=[2.0, 1.0], cost=[1.0, 1.0]).plot())


@pytest.mark.parametrize("name", ["$broken", "$\\frac$", "歌", "a\nb\tc", "\ud800\x00", "", "long " * 100])
def test_names_are_one_line_of_text_and_no_formulas(name: str, noise: NoiseOf) -> None:
    figure = Separation(noise(), {name: noise()}, provenance()).plot()
    assert all("\n" not in title and len(title) < 60 for title in panels(figure))
    assert figure._repr_png_().startswith(PNG)


def test_written_as_png_and_nothing_beside_it(tmp_path: Path, noise: NoiseOf) -> None:
    write_figure(tmp_path / "a.png", halves(noise()).plot())
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]


def test_folder_that_is_missing(tmp_path: Path, noise: NoiseOf) -> None:
    with pytest.raises(WriteError, match="no folder"):
        write_figure(tmp_path / "nowhere" / "a.png", halves(noise()).plot())


def test_without_matplotlib_one_line_says_how_to_get_it(noise: NoiseOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SepkitError, match=r'^[^\n]*pip install "sepkit\[plot\]"$'):
        halves(noise()).plot()


def test_touches_nothing_global() -> None:
    code = """
import sys
import numpy as np
import matplotlib
from sepkit import Audio, Separation
from tests.test_separation import provenance
before = matplotlib.rcParams.copy()
audio = Audio(np.ones((1, 4000)), 8000)
Separation(audio, {"a": audio}, provenance(traces={"cost": [2.0, 1.0]})).plot()._repr_png_()
after = matplotlib.rcParams.copy()
assert "matplotlib.pyplot" not in sys.modules
assert after == before
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_separating_imports_no_matplotlib() -> None:
    source = "import sys, sepkit.plots.separation, sepkit.solving.separation; print('matplotlib' in sys.modules)"
    assert script(source).strip() == "False"


def test_labels_are_drawn_over_the_spectrograms() -> None:
    mixture = tone(1000, 0, 2)
    labels = Labels(
        (
            Label(0.2, 0.8, "stem 0"),
            Label(1, 1.5, "stem 1", 900, 1100),
            Label(1, 1.5, "stem 0", 900, 1100, absent=True),
            Label(1.5, 1.8, "stem 1", 2000),
        )
    )
    figure = replace(halves(mixture), labels=(labels,)).plot()
    places = {title: [patch.get_bbox().bounds for patch in axis.patches] for title, axis in panels(figure).items()}
    assert places["mixture"] == [
        pytest.approx((0.2, 3.8, 0.6, 0.2)),
        pytest.approx((1, 0.9, 0.5, 0.2)),
        pytest.approx((1, 0.9, 0.5, 0.2)),
        pytest.approx((1.5, 2, 0.3, 2)),
    ]
    assert [len(places[f"stem {i}"]) for i in (0, 1)] == [2, 2]
    written = [text.get_text() for text in panels(figure)["mixture"].texts]
    assert written == ["stem 1", "!stem 0", "stem 1"]
