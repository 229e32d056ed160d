"""F0 of the voice: what is known of it, or else the melody that is heard; and its partials."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError
from sepkit.informed import f0_at, moving_partials
from sepkit.informed.f0_refinement import offsets_cents
from sepkit.music.side import SideInformation
from sepkit.problem.run import Run
from sepkit.spectral import STFT, soft_masks
from sepkit_classical.config import MelodyRange
from sepkit_classical.rpca import sparse_and_low_rank
from sepkit_classical.salience import a_weighting, melody_hz
from sepkit_classical.voice import PARTS, Heard, mean_magnitudes

Array = NDArray[np.floating]

_POINTS = 4
"""Of F0 from one frame to the next."""
_SHORT_S = 0.08
"""A window that is too short for low voices."""
_TUNE_TO_HZ = 8000.0
"""Partials above tell little of a tune, and robust PCA takes the longer the more bins it sees."""
_TOLERANCE_S = 0.05
"""Pitch trackers lose the beginnings and ends of tones."""
_BRIDGED_S = 0.2
"""A consonant lasts no longer, and trackers lose no more of a tone."""
_LEAST_CENTS, _MOST_SPREAD_CENTS = 10.0, 20.0
"""F0 that is nearer fits as it is; offsets that differ more between the quartiles are none of the tuning."""


def partials_of_voice(heard: Heard, config: MelodyRange, parts: Array | None = None) -> Array:
    """Partials of the voice, each with a maximum of 1 [shape=(bins, frames)].

    Parameters
    ----------
    heard : Heard
        Gets the F0 at its frames.
    config : MelodyRange
    parts : ndarray [shape=(2, bins, frames)], optional
        Magnitudes of the sparse part and that of low rank, if they are there already.
    """
    frames_s = heard.frames_s
    hop_s = heard.stft.hop / heard.sample_rate
    times_s = frames_s[0] + np.arange(_POINTS * (len(frames_s) - 1) + 1) * (hop_s / _POINTS)
    if heard.known.f0:
        f0_hz = bridged(times_s, f0_at(heard.known.f0[PARTS[0]], times_s, _TOLERANCE_S), _BRIDGED_S)
        f0_hz *= 2 ** (out_of_tune_cents(heard, f0_hz[::_POINTS]) / 1200)
    else:
        bins = int(np.searchsorted(heard.bins_hz, _TUNE_TO_HZ, "right"))
        if parts is None:
            parts = sparse_and_low_rank(replace(heard, V=heard.V[:bins]), config)
        found_hz = melody_of(heard, config, parts[:, :bins])
        f0_hz = np.exp(np.interp(times_s, frames_s, np.log(found_hz)))
    heard.f0_hz[:] = f0_hz[::_POINTS]
    if not np.isfinite(f0_hz).any():
        return np.zeros_like(heard.V)
    return moving_partials(times_s, f0_hz, frames_s, heard.stft, heard.sample_rate, heard.sample_rate / 2).T


def melody_of(heard: Heard, config: MelodyRange, parts: Array) -> NDArray[np.float64]:
    """F0 of the melody in every frame [shape=(frames,)].

    It is looked for through the mask of the sparse part, in windows that are long enough to tell low partials apart.

    Parameters
    ----------
    heard : Heard
    config : MelodyRange
    parts : ndarray [shape=(2, bins, frames)]
        Magnitudes of the sparse part and that of low rank, as far up as the melody is looked for.
    """
    times = 2 if heard.stft.window_length < _SHORT_S * heard.sample_rate else 1
    longer = STFT(times * heard.stft.window_length, heard.stft.hop, heard.stft.window)
    frames_s = longer.frames_s(heard.samples.shape[-1], heard.sample_rate)
    first = round((heard.frames_s[0] - frames_s[0]) * heard.sample_rate / longer.hop)
    V = mean_magnitudes(longer, heard.samples, slice(first, first + len(heard.frames_s)))
    mask = np.repeat(soft_masks(parts)[0], times, axis=0)
    V = V[: len(mask)] * mask[: len(V)]
    bins_hz = longer.bins_hz(heard.sample_rate)
    V *= a_weighting(bins_hz[: len(V)])[:, np.newaxis]
    hop_s = longer.hop / heard.sample_rate
    return melody_hz(V, float(bins_hz[1]), hop_s, config.lowest_hz, config.highest_hz)


def bridged(times_s: Array, f0_hz: NDArray[np.float64], longest_s: float) -> NDArray[np.float64]:
    """F0 that goes on from one tone to the next where no more than `longest_s` is between them.

    Parameters
    ----------
    times_s, f0_hz : ndarray [shape=(points,)]
        NaN where unvoiced.
    longest_s : float
    """
    known = np.flatnonzero(np.isfinite(f0_hz))
    if not len(known):
        return f0_hz
    after = np.clip(np.searchsorted(known, np.arange(len(f0_hz))), 1, max(1, len(known) - 1))
    before, after = known[after - 1], known[np.minimum(after, len(known) - 1)]
    points = np.arange(len(f0_hz))
    short = (before < points) & (points < after) & (times_s[after] - times_s[before] <= longest_s)
    between = np.exp(np.interp(times_s, times_s[known], np.log(f0_hz[known])))
    return np.where(short, between, f0_hz)


def out_of_tune_cents(heard: Heard, f0_hz: Array) -> float:
    """By how much F0 that is known is flat throughout, if it is flat or sharp: the user is told.

    Parameters
    ----------
    heard : Heard
    f0_hz : ndarray [shape=(frames,)]
    """
    sung = np.isfinite(f0_hz)
    if not sung.any():
        return 0.0
    bin_hz = float(heard.bins_hz[1])
    offsets = offsets_cents(heard.V.T, np.asarray(f0_hz, np.float64)[np.newaxis], bin_hz)[0, sung]
    low, middle, high = np.percentile(offsets, [25, 50, 75])
    if abs(middle) < _LEAST_CENTS or high - low > _MOST_SPREAD_CENTS:
        return 0.0
    heard.run.remark(
        f"from {heard.frames_s[0]:.0f} to {heard.frames_s[-1]:.0f} s the F0 of {PARTS[0]} is "
        f"{'flat' if middle > 0 else 'sharp'} by {abs(middle):.0f} cents beside the recording and was moved by as much"
    )
    return float(middle)


def require_voice(known: SideInformation, run: Run) -> None:
    """Refuse F0 tracks among which that of the voice is not, and tell of others.

    Raises
    ------
    SideInformationError
    """
    if known.f0 and PARTS[0] not in known.f0:
        given = ", ".join(map(repr, known.f0))
        raise SideInformationError(f"the F0 given is that of {given}, and the voice is called {PARTS[0]}: name it so")
    others = [repr(name) for name in known.f0 if name != PARTS[0]]
    if others:
        run.remark(f"the F0 of {', '.join(others)} made no difference: that of {PARTS[0]} is what counts")
