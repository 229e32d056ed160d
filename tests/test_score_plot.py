"""Piano rolls."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from sepkit import Note, Score
from sepkit.errors import SepkitError

pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'sepkit[plot]'")


def rectangles(figure: Any) -> list[list[tuple[float, float, float, float]]]:
    """By part: left, right, bottom and top of every note."""
    boxes = [[path.get_extents() for path in part.get_paths()] for part in figure.axes[0].collections]
    return [[(box.x0, box.x1, box.y0, box.y1) for box in part] for part in boxes]


def names(figure: Any) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_notes_lie_at_their_times_and_pitches() -> None:
    score = Score((Note(0, 1, 60, part="left"), Note(1, 3, 72.5, part="right"), Note(2, 3, 64, part="left")))
    figure = score.plot()
    np.testing.assert_allclose(rectangles(figure)[0], [(0, 1, 59.5, 60.5), (2, 3, 63.5, 64.5)])
    np.testing.assert_allclose(rectangles(figure)[1], [(1, 3, 72, 73)])
    assert names(figure) == ["left", "right"]
    colours = [np.asarray(part.get_facecolor()) for part in figure.axes[0].collections]
    assert not np.array_equal(colours[0], colours[1])
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_long_pieces_are_in_minutes() -> None:
    figure = Score((Note(0, 1, 60), Note(570, 600, 60))).plot()
    np.testing.assert_allclose(rectangles(figure)[0][1], (9.5, 10, 59.5, 60.5))
    assert figure.axes[0].get_xlabel() == "minutes"
    assert names(figure) == []


@pytest.mark.parametrize("part", ["_hidden", "a$b$", "ヴァイオリン", "x" * 200, "two\nlines"])
def test_any_name_can_be_drawn(part: str) -> None:
    figure = Score((Note(0, 1, 60, part=part),)).plot()
    figure.canvas.draw()
    [name] = names(figure)
    assert name
    assert "\n" not in name


def test_many_parts_and_no_notes() -> None:
    many = Score(tuple(Note(i, i + 1, 60, part=f"part {i}") for i in range(50))).plot()
    many.canvas.draw()
    assert len(many.axes[0].collections) == 50
    assert len(names(many)) == 20
    Score(()).plot().canvas.draw()


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SepkitError, match="pip install"):
        Score((Note(0, 1, 60),)).plot()
