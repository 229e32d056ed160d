"""Masks around the partials of known notes or of a known fundamental frequency: the baseline that learns nothing.

Every source gets a comb: a bin near the m-th partial of a note that the source is playing has the weight 1/m. Bins that
several combs claim are shared in the ratio of the weights; bins that no comb claims belong to no source and are left
over.

References
----------
Duan and Pardo, "Soundprism: an online system for score-informed source separation of music audio", IEEE Journal of
Selected Topics in Signal Processing 5(6), 2011 (shared partials go by their number; there with the square of it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sepkit.errors import SideInformationError
from sepkit.informed.f0_known import f0_at
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.note import Note
from sepkit.music.pitch import midi_to_hz
from sepkit.music.side import SideInformation
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit.spectral_config import SpectralConfig

Weights = Callable[[NDArray[np.floating]], NDArray[np.floating]]
"""Weight of every bin for one source [shape=(bins, frames)], at the times of some frames in seconds."""


class HarmonicCombConfig(SpectralConfig):
    """Options of the harmonic combs."""

    width_cents: float = Field(
        default=50.0,
        ge=0,
        le=600,
        description="How far a bin may lie from its partial, in cents; the nearest bin on either side always counts.",
    )
    tolerance_s: float = Field(
        default=0.1,
        ge=0,
        le=10,
        description="Seconds by which a note, or a voiced F0, may sound before its onset and after its offset.",
    )


class HarmonicComb(Separator[HarmonicCombConfig]):
    """Mask the mixture around the partials that follow from a score or from F0 tracks.

    A source with an F0 track follows that track, any other its part of the score. Parts and tracks of sources that are
    not asked for take their share too.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        mixture = problem.mixture
        names = _known(problem)
        stft = STFT.of_duration(self.config.window_s, self.config.overlap, mixture.sample_rate)
        frames_s = stft.frames_s(mixture.length, mixture.sample_rate)
        weights = self._weights(names, problem.side_information, stft.bins_hz(mixture.sample_rate))

        def masks(block: slice) -> NDArray[np.floating]:
            return soft_masks(np.stack([weigh(frames_s[block]) for weigh in weights]))[: len(names)]

        stems = stft.filter(mixture.samples, masks, len(names), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem, mixture.sample_rate) for name, stem in zip(names, stems, strict=True)}

    def _weights(self, names: tuple[str, ...], side: SideInformation, bins_hz: NDArray[np.floating]) -> list[Weights]:
        """Of every source that is known, those asked for first."""
        tracks, notes = side.f0, _notes(side)
        comb = partial(harmonic_comb, bins_hz=bins_hz, width_cents=self.config.width_cents)

        def of_track(track: F0Track, times_s: NDArray[np.floating]) -> NDArray[np.floating]:
            return comb(f0_at(track, times_s, self.config.tolerance_s)).T

        def of_part(part: list[Note], times_s: NDArray[np.floating]) -> NDArray[np.floating]:
            pitches, sounding = sounding_pitches(part, times_s, self.config.tolerance_s)
            return comb(midi_to_hz(pitches)).T @ sounding

        return [
            partial(of_track, tracks[name]) if name in tracks else partial(of_part, notes[name])
            for name in dict.fromkeys((*names, *tracks, *notes))
        ]


def harmonic_comb(
    f0_hz: NDArray[np.floating], bins_hz: NDArray[np.floating], width_cents: float
) -> NDArray[np.float32]:
    """One over the number of the nearest partial where that is near, zero elsewhere.

    Parameters
    ----------
    f0_hz : ndarray [shape=(points,)]
        NaN where nothing sounds: there all is zero.
    bins_hz : ndarray [shape=(bins,)]
        Equally spaced.
    width_cents : float
        How far from a partial bins are near; one bin's width is always near.

    Returns
    -------
    comb : ndarray [shape=(points, bins)]
    """
    f0_hz = f0_hz[:, np.newaxis]
    number = np.maximum(np.rint(bins_hz / f0_hz), 1)
    reach_hz = np.maximum(number * f0_hz * (2 ** (width_cents / 1200) - 1), bins_hz[1] - bins_hz[0])
    comb: NDArray[np.float32] = np.where(np.abs(bins_hz - number * f0_hz) <= reach_hz, 1 / number, 0).astype(np.float32)
    return comb


def sounding_pitches(
    notes: list[Note], times_s: NDArray[np.floating], tolerance_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The pitches that sound at some time, and when.

    Returns
    -------
    pitches : ndarray [shape=(pitches,)]
        MIDI pitches.
    sounding : ndarray [shape=(pitches, times)]
        1 where at least one note of that pitch sounds, 0 elsewhere.
    """
    near = [n for n in notes if times_s[0] <= n.offset_s + tolerance_s and n.onset_s - tolerance_s <= times_s[-1]]
    pitches = np.array(sorted({note.pitch for note in near}), np.float64)
    sounding = np.zeros((len(pitches), len(times_s)), np.float32)
    for note in near:
        during = (times_s >= note.onset_s - tolerance_s) & (times_s <= note.offset_s + tolerance_s)
        sounding[np.searchsorted(pitches, note.pitch), during] = 1
    return pitches, sounding


def _notes(side: SideInformation) -> dict[str, list[Note]]:
    """The notes of every part of the score."""
    notes: dict[str, list[Note]] = {}
    for note in side.score.notes if side.score else ():
        notes.setdefault(note.part, []).append(note)
    return notes


def _known(problem: Problem) -> tuple[str, ...]:
    """The sources asked for, or else all that have an F0 track or notes."""
    side = problem.side_information
    parts = side.score.parts if side.score else ()
    known = dict.fromkeys((*parts, *side.f0))
    unknown = [name for name in problem.sources if name not in known]
    if unknown:
        raise SideInformationError(
            f"nothing is known of {', '.join(unknown)}: there are notes or F0 tracks of {', '.join(map(repr, known))}; "
            "name the sources like those"
        )
    names = problem.sources or tuple(dict.fromkeys((*side.f0, *(part for part in parts if part.strip()))))
    if not names:
        raise SideInformationError("there are no F0 tracks, and no notes that belong to a part; give each note a part")
    return names
