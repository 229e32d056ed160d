"""Spans cover a recording, and fade into one another without a seam."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit.problem.run import Run
from sepkit_classical.spans import SpannedMasks, spans


@given(frames=st.integers(1, 3000), span=st.integers(1, 500))
def test_spans_cover_all_frames_and_share_some(frames: int, span: int) -> None:
    found = spans(frames, span)
    assert found[0].start == 0
    assert found[-1].stop == frames
    assert all(one.stop - one.start <= max(span, 1) for one in found)
    assert all(a.start < b.start <= a.stop < b.stop for a, b in itertools.pairwise(found))
    assert all(a.stop <= c.start for a, c in zip(found, found[2:], strict=False))


@given(frames=st.integers(1, 300), span=st.integers(1, 80), size=st.integers(1, 90))
def test_fades_sum_to_one_whatever_the_blocks(frames: int, span: int, size: int) -> None:
    asked = []

    def find(one: slice) -> np.ndarray:
        asked.append(one)
        return np.broadcast_to(np.arange(one.start, one.stop) / frames, (2, 3, one.stop - one.start))

    masks = SpannedMasks(frames, span, find, Run())
    blocks = [slice(start, min(start + size, frames)) for start in range(0, frames, size)]
    whole = np.concatenate([masks(block) for block in blocks], axis=-1)
    assert whole[1, 2] == pytest.approx(np.arange(frames) / frames, abs=1e-6)
    assert asked == spans(frames, span)
