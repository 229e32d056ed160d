"""What was found, as a factorisation: a pattern for every pitch of every instrument, and when it sounds how loud."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sepkit import large
from sepkit.music.pitch import midi_to_hz
from sepkit.problem.layout import Atom
from sepkit_sparse_pursuit.log_axis import LogAxis
from sepkit_sparse_pursuit.refinement import ToneModel
from sepkit_sparse_pursuit.tones import Array, Tones


def piano_roll(
    model: ToneModel, tones: Tones, dictionary: Array, names: Sequence[str]
) -> tuple[tuple[Atom, ...], Array, Array]:
    """Sort tones by the semitones that they are nearest to, in the tuning of the recording.

    Parameters
    ----------
    model : ToneModel
    tones : Tones
    dictionary : ndarray [shape=(instruments, harmonics)]
    names : sequence of str
        Of the instruments.

    Returns
    -------
    atoms : tuple of Atom
        Every pitch at which an instrument was found, by instrument and pitch.
    templates : ndarray [shape=(bins, atoms)]
        Their patterns at amplitude 1, on the logarithmic axis.
    activations : ndarray [shape=(atoms, frames)]
        The amplitudes found.
    """
    frame, place = np.nonzero(tones.amplitude > 0)
    amplitude, instrument = tones.amplitude[frame, place], tones.instrument[frame, place]
    pitch = _pitches(model.axis, tones)[frame, place]
    tuning = _tuning(pitch, amplitude)
    key = np.rint(pitch - tuning).astype(np.intp)
    found, atom = np.unique(np.stack([instrument, key]), axis=1, return_inverse=True)
    activations = large.zeros((found.shape[1], len(tones.amplitude)), tones.amplitude.dtype)
    np.add.at(activations, (atom, frame), amplitude)
    at_pitch = Tones(
        np.ones((1, found.shape[1]), activations.dtype),
        model.axis.position(midi_to_hz(found[1] + tuning))[np.newaxis].astype(activations.dtype),
        np.full((1, found.shape[1]), model.width, activations.dtype),
        np.zeros((1, found.shape[1]), activations.dtype),
        found[:1],
    )
    templates = model.magnitudes(at_pitch, dictionary[found[:1]])[0].T
    atoms = tuple(Atom(names[source], float(key + tuning)) for source, key in found.T)
    return atoms, templates, activations


def _pitches(axis: LogAxis, tones: Tones) -> Array:
    """MIDI pitch of the fundamental of every tone."""
    hz = axis.hz(tones.position) * np.sqrt(1 + tones.inharmonicity)
    return np.asarray(69 + 12 * np.log2(hz / 440))


def _tuning(pitch: Array, amplitude: Array) -> float:
    """How far the recording is tuned above 440 Hz, in semitones from -1/2 to 1/2."""
    return float(np.angle((amplitude * np.exp(2j * np.pi * pitch)).sum()) / (2 * np.pi))
