from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Atom, Audio, Domain, Layout, Note, Run, Score, Separation, SepkitError, SideInformation
from sepkit.problem.variables import Variables
from tests.test_plot import PNG, panels
from tests.test_separation import provenance

pytest.importorskip("matplotlib")

NoiseOf = Callable[..., Audio]
RATE, BINS, FRAMES = 8000, 65, 50
ATOMS = (Atom("right", 72), Atom("left", 60), Atom("left", 72), Atom("left", 60, transient=True), Atom("rest"))
BLUE, ORANGE = np.array([31, 119, 180]) / 255, np.array([255, 127, 14]) / 255


def factored(
    W: Any,
    H: Any,
    atoms: tuple[Atom, ...],
    *,
    notes: tuple[Note, ...] = (),
    seconds: float = 1.0,
    bins_hz: Any = None,
) -> Separation:
    """A separation of silence with these factors."""
    mixture = Audio(np.zeros((1, round(seconds * RATE))), RATE)
    layout = Layout(
        mixture=mixture,
        side_information=SideInformation(score=Score(notes) if notes else None),
        sources=tuple(dict.fromkeys(atom.source or "" for atom in atoms)),
        bins_hz=np.linspace(0, RATE / 2, len(W)) if bins_hz is None else bins_hz,
        frames_s=np.linspace(0, seconds, np.shape(H)[1]),
        atoms=atoms,
    )
    variables = Variables(layout, {Domain.TEMPLATES: np.asarray(W), Domain.ACTIVATIONS: np.asarray(H)})
    return Separation(mixture, {"a": mixture}, provenance(), variables)


def single(atoms: tuple[Atom, ...], atom: int, frame: int, bin_: int) -> Separation:
    """One atom sounds in one frame and has one bin."""
    W, H = np.zeros((BINS, len(atoms))), np.zeros((len(atoms), FRAMES))
    W[bin_, atom] = H[atom, frame] = 1
    return factored(W, H, atoms)


def rows(figure: Any) -> list[str]:
    return [label.get_text() for label in panels(figure)["templates"].get_yticklabels()]


def image(figure: Any, panel: str) -> Any:
    (shown,) = panels(figure)[panel].images
    return np.asarray(shown.get_array())


def test_rows_are_pitches_from_low_to_high_and_atoms_without_one_come_first() -> None:
    figure = factored(np.ones((BINS, 5)), np.ones((5, FRAMES)), ATOMS).plot_factors()
    assert rows(figure) == ["rest", "C4", "C4 onset", "C5"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["right", "left", "rest"]


@pytest.mark.parametrize(("atom", "row", "colour"), [(0, 3, BLUE), (1, 1, ORANGE), (2, 3, ORANGE), (3, 2, ORANGE)])
def test_an_atom_is_in_its_row_its_column_and_its_sources_colour(atom: int, row: int, colour: Any) -> None:
    figure = single(ATOMS, atom, frame=20, bin_=30).plot_factors()
    for panel, column in (("activations", 20), ("templates", 30)):
        expected = np.ones_like(image(figure, panel))
        expected[row, column] = colour
        np.testing.assert_allclose(image(figure, panel), expected, atol=1e-6)


def test_bins_of_a_logarithmic_axis_lie_at_their_frequencies() -> None:
    bins_hz = 100 * 2 ** (np.arange(BINS) / 12)
    W = np.zeros((BINS, 1))
    W[20] = 1
    axis = panels(factored(W, np.ones((1, FRAMES)), (Atom("left", 60),), bins_hz=bins_hz).plot_factors())["templates"]
    (mesh,) = axis.collections
    edges_hz = 1000 * mesh.get_coordinates()[0, :, 0]
    (column,) = np.flatnonzero((np.asarray(mesh.get_array())[0] < 1).any(axis=-1))
    assert edges_hz[column] < bins_hz[20] < edges_hz[column + 1]
    np.testing.assert_allclose(edges_hz[[0, -1]], bins_hz[[0, -1]] * 2 ** np.array([-1 / 24, 1 / 24]))
    assert axis.get_xscale() == "log"


def test_where_sources_meet_their_colours_mix() -> None:
    both = (Atom("right", 60), Atom("left", 60))
    figure = factored(np.ones((BINS, 2)), np.ones((2, FRAMES)), both).plot_factors()
    mixed = np.maximum(BLUE + ORANGE - 1, 0)
    np.testing.assert_allclose(image(figure, "activations"), np.broadcast_to(mixed, (1, FRAMES, 3)), atol=1e-6)


def test_a_tenth_is_twenty_decibels_of_fifty() -> None:
    H = np.ones((1, FRAMES))
    H[0, 7] = 0.1
    picture = image(factored(np.ones((BINS, 1)), H, (Atom("a", 60),)).plot_factors(), "activations")
    np.testing.assert_allclose(picture[0, 7], 1 - (1 - 20 / 50) * (1 - BLUE))


def test_the_scale_of_an_atom_may_lie_in_either_factor() -> None:
    rng = np.random.default_rng(0)
    W, H, scale = rng.random((BINS, 5)), rng.random((5, FRAMES)), 10 ** rng.uniform(-3, 3, 5)
    plain = factored(W, H, ATOMS).plot_factors()
    scaled = factored(W * scale, H / scale[:, np.newaxis], ATOMS).plot_factors()
    for panel in ("templates", "activations"):
        np.testing.assert_allclose(image(plain, panel), image(scaled, panel), atol=1e-9)


@pytest.mark.parametrize(("seconds", "unit"), [(10.0, 1), (400.0, 60)])
def test_onsets_lie_in_their_rows(seconds: float, unit: int) -> None:
    notes = (
        Note(2.5, 3.0, 72, part="right"),
        Note(1.0, 2.0, 60, part="left"),
        Note(4.0, 5.0, 61, part="left"),
        Note(1.5, 5.0, 60, part="other"),
    )
    figure = factored(np.ones((BINS, 5)), np.ones((5, FRAMES)), ATOMS, notes=notes, seconds=seconds).plot_factors()
    axis = panels(figure)["activations"]
    points = [point for line in axis.lines for point in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    assert sorted(points) == [(1.0 / unit, 1), (2.5 / unit, 3)]
    assert axis.get_xlim() == (0, seconds / unit)


def test_a_note_in_a_long_recording_is_not_skipped() -> None:
    H = np.zeros((1, 9_999))
    H[0, 7_123] = 1
    picture = image(factored(np.ones((BINS, 1)), H, (Atom("a", 60),), seconds=100).plot_factors(), "activations")
    assert picture.shape[1] <= 2000
    (column,) = np.flatnonzero(picture[0, :, 0] < 0.5)
    assert column / picture.shape[1] == pytest.approx(7_123 / 9_999, abs=1e-3)


@pytest.mark.parametrize("value", [0.0, 1e-300, 1e300, np.nan, np.inf])
def test_draws_whatever_factors_there_can_be(value: float) -> None:
    factors = np.full((1, 1), value), np.full((1, 1), 1.0)
    for W, H in (factors, factors[::-1]):
        assert factored(W, H, (Atom(),)).plot_factors()._repr_png_().startswith(PNG)


@pytest.mark.parametrize("name", ["$broken", "$\\frac$", "歌", "_hidden", "", "long " * 100])
def test_names_are_text_and_no_formulas(name: str) -> None:
    figure = factored(np.ones((BINS, 1)), np.ones((1, FRAMES)), (Atom(name),)).plot_factors()
    assert figure._repr_png_().startswith(PNG)
    assert len(figure.legends[0].get_texts()) == 1


def test_many_rows_are_not_all_named() -> None:
    atoms = tuple(Atom("a", pitch, transient) for pitch in range(21, 109) for transient in (False, True))
    figure = factored(np.ones((BINS, len(atoms))), np.ones((len(atoms), FRAMES)), atoms).plot_factors()
    assert 20 <= len(rows(figure)) <= 40


def test_without_factors_one_line_says_what_to_do(noise: NoiseOf) -> None:
    separation = Separation(noise(), {"a": noise()}, provenance())
    with pytest.raises(SepkitError, match=r"^method 'fake' kept no templates and activations[^\n]*keep_variables=True"):
        separation.plot_factors()


class TestKeeping:
    def test_only_if_the_host_asked(self, noise: NoiseOf) -> None:
        variables = factored(np.ones((BINS, 5)), np.ones((5, FRAMES)), ATOMS).variables
        assert variables is not None
        for asked in (False, True):
            run = Run(keep_variables=asked)
            run.keep(variables.layout, variables.values)
            assert (run.variables is not None) == asked

    @pytest.mark.parametrize("asked", [False, True])
    def test_other_shapes_are_refused_whether_it_asked_or_not(self, asked: bool) -> None:
        variables = factored(np.ones((BINS, 5)), np.ones((5, FRAMES)), ATOMS).variables
        assert variables is not None
        with pytest.raises(ValueError, match=r"activations need shape \(5, 50\), given \(50, 5\)"):
            Run(keep_variables=asked).keep(variables.layout, {Domain.ACTIVATIONS: np.ones((FRAMES, 5))})

    def test_the_record_does_not_grow(self, tmp_path: Path) -> None:
        separation = factored(np.ones((BINS, 5)), np.ones((5, FRAMES)), ATOMS)
        separation.write(tmp_path)
        record = json.loads((tmp_path / "separation.json").read_text())
        assert record["traces"] == {}
        assert "variables" not in record
