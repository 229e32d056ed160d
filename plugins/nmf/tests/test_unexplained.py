"""What no note explains goes to what sounds or sounded last, and takes next to nothing from what is explained."""

from __future__ import annotations

import numpy as np

from sepkit import large
from sepkit_nmf import ringing_on, shared_beside

HOP_S = 0.01
FALL_DB = 80 * HOP_S
"""From one frame to the next, at 80 dB a second."""


def test_activations_ring_on_from_the_loudest_before() -> None:
    rng = np.random.default_rng(0)
    # More than one run of frames of so many atoms, which sound seldom.
    H = (rng.random((512, 2500)) * (rng.random((512, 2500)) < 0.02)).astype(np.float32)
    H[0, 1000:] = 0
    assert sum(1 for _ in large.spans(H.shape[1], rows=len(H))) > 1
    ringing = ringing_on(H, HOP_S)
    assert (ringing >= H).all()
    fallen = FALL_DB * np.arange(H.shape[1])
    levels = 20 * np.log10(np.maximum(H, 1e-30)) + fallen
    expected = 10 ** ((np.maximum.accumulate(levels, axis=1) - fallen) / 20)
    audible = expected > 1e-6
    np.testing.assert_allclose(ringing[audible], expected[audible], rtol=1e-3)
    assert not ringing[0, 2000:].any()


def test_what_is_shared_takes_next_to_nothing_from_what_is_explained() -> None:
    model = np.random.default_rng(1).random((2, 50, 20)).astype(np.float32)
    model[0, :25] = 0
    model[1, 25:] = 0
    shared = shared_beside(model)
    assert (shared > 0).all()
    assert (shared[model > 0] < 0.02 * model[model > 0] + 1e-4).all()
    # Where one has partials, the other has far less of what is shared.
    assert shared[0, :25].mean() < 0.01 * shared[1, :25].mean()


def test_who_never_sounded_gets_nothing_of_what_is_shared() -> None:
    model = np.ones((2, 50, 20), np.float32)
    model[1] = 0
    shared = shared_beside(model)
    assert not shared[1].any()
    assert shared[0].all()
