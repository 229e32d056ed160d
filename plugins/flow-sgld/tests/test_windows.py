"""Windows over long recordings."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sepkit_flow_sgld.windows import fade_in, windows


@given(length=st.integers(1, 500), size=st.integers(2, 100), part=st.floats(0.01, 0.5))
def test_windows_cover_everything_and_overlap(length: int, size: int, part: float) -> None:
    overlap = max(1, int(part * size))
    found = list(windows(length, size, overlap))
    assert found[0].start == 0
    assert found[-1].stop == length
    for before, after in itertools.pairwise(found):
        assert after.known == before.stop - after.start >= overlap
        assert after.stop > before.stop
    assert all(window.stop - window.start == min(size, length) for window in found)


@given(known=st.integers(0, 20), more=st.integers(1, 20))
def test_fade_rises_over_what_is_known(known: int, more: int) -> None:
    share = fade_in(known, known + more)
    assert (np.diff(share) >= 0).all()
    assert (share[known:] == 1).all()
    assert (share[:known] < 1).all()
