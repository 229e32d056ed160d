"""The tutorial's initialisers give exactly what libfmp gives."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sepkit import Note
from sepkit_score_nmf import onset_activations, onset_templates, pitch_activations, pitch_templates

HERE = Path(__file__).parent
Case = Mapping[str, NDArray[np.float64]]


def stored(kind: str) -> list[Any]:
    with np.load(HERE / "libfmp_reference.npz") as file:
        arrays = dict(file)
    cases: dict[str, dict[str, NDArray[np.float64]]] = {}
    for path, array in arrays.items():
        case, name = path.rsplit("/", 1)
        cases.setdefault(case, {})[name] = array
    return [pytest.param(arrays, id=case) for case, arrays in cases.items() if case.startswith(kind)]


def assert_templates(case: Case) -> None:
    __tracebackhide__ = True
    bins, bin_hz, tolerance = case["arguments"].tolist()
    given = (int(bins), case["pitches"].tolist(), bin_hz, tolerance)
    np.testing.assert_array_equal(pitch_templates(*given), case["plain"])
    np.testing.assert_array_equal(onset_templates(*given), case["onset"])


def assert_activations(case: Case) -> None:
    __tracebackhide__ = True
    frames, frame_s, before_s, after_s, onset_before_s, onset_after_s = case["arguments"].tolist()
    notes = [Note(onset_s, onset_s + duration_s, pitch) for onset_s, duration_s, pitch in case["notes"].tolist()]
    given = (int(frames), notes, case["pitches"].tolist(), frame_s)
    around_note = {"before_s": before_s, "after_s": after_s}
    np.testing.assert_array_equal(pitch_activations(*given, **around_note), case["plain"])
    around_onset = {"onset_before_s": onset_before_s, "onset_after_s": onset_after_s}
    np.testing.assert_array_equal(onset_activations(*given, **around_note, **around_onset), case["onset"])


@pytest.mark.parametrize("case", stored("templates"))
def test_templates_equal_those_that_libfmp_gave(case: Case) -> None:
    assert case["onset"].any()
    assert_templates(case)


@pytest.mark.parametrize("case", stored("activations"))
def test_activations_equal_those_that_libfmp_gave(case: Case) -> None:
    assert set(np.unique(case["plain"])) <= {0, 1}
    assert case["plain"].any()
    assert_activations(case)


def test_order_and_repetition_of_notes_do_not_matter() -> None:
    notes = [Note(0.1, 0.4, 60), Note(0.3, 0.9, 60), Note(0.5, 0.6, 62)]
    for activations in (pitch_activations, onset_activations):
        one = activations(50, notes, [60, 62], 0.02)
        np.testing.assert_array_equal(activations(50, [*notes[::-1], notes[1]], [60, 62], 0.02), one)


def test_notes_of_other_pitches_are_left_out() -> None:
    notes = [Note(0.1, 0.4, 60), Note(0.3, 0.9, 61)]
    np.testing.assert_array_equal(
        pitch_activations(50, notes, [61, 50], 0.02), pitch_activations(50, notes[1:], [61, 50], 0.02)
    )


@pytest.fixture(scope="module")
def libfmp() -> ModuleType:
    """The script that made the reference, where libfmp can be asked now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("libfmp.c8", reason="libfmp is not installed", exc_type=ImportError)
    spec = importlib.util.spec_from_file_location("make_libfmp_reference", HERE / "make_libfmp_reference.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.mark.parametrize("seed", range(20))
def test_equal_what_libfmp_gives_now(libfmp: ModuleType, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pitches = sorted(set(rng.integers(0, 128, 5).tolist()))
    template = (int(rng.integers(1, 1000)), pitches, float(rng.uniform(2, 60)), float(rng.uniform(0.001, 0.2)))
    monkeypatch.setattr(libfmp, "TEMPLATES", [template])
    notes = [(float(rng.uniform(0, 9)), float(rng.uniform(0.01, 3)), int(rng.choice(pitches))) for _ in range(30)]
    around_note, around_onset = (tuple(rng.uniform(0, 0.6, 2).tolist()) for _ in range(2))
    activation = (int(rng.integers(1, 500)), notes, float(rng.uniform(0.005, 0.1)), around_note, around_onset)
    monkeypatch.setattr(libfmp, "ACTIVATIONS", [activation])
    for case in libfmp.template_references():
        assert_templates(case)
    for case in libfmp.activation_references():
        assert_activations(case)
