"""Sparse pursuit: which tones of a dictionary's instruments a spectrum is made of.

References
----------
Schulze and King, "Sparse pursuit and dictionary learning for blind source separation in polyphonic music recordings",
EURASIP Journal on Audio, Speech, and Music Processing, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sepkit_sparse_pursuit.refinement import ToneModel, refine
from sepkit_sparse_pursuit.tones import Array, Tones

_MUST_FALL_TO = 0.9
"""beta: a tone is kept if it lowers the norm of the lifted residual to less than this share."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a pursuit found.

    Attributes
    ----------
    tones : Tones
    loss : ndarray [shape=(spectra,)]
        Half the squared distance between spectra and model, lifted.
    """

    tones: Tones
    loss: Array


def pursue(
    model: ToneModel, Y: Array, dictionary: Array, *, most_tones: int = 1, start: NDArray[np.intp] | None = None
) -> Found:
    """Explain spectra by tones of the instruments of a dictionary.

    The tone whose pattern correlates best with the lifted residual is added, all tones are refined jointly, each
    instrument keeps its loudest, and what is left is refined again; this goes on while the residual falls enough. The
    papers end there. But where the best tone is one of an instrument that has its tones already, other instruments can
    still have something to add: they are tried alone before it ends.

    Parameters
    ----------
    model : ToneModel
    Y : ndarray [shape=(spectra, bins)]
        Magnitudes.
    dictionary : ndarray [shape=(starts, instruments, harmonics)]
        Of one or several starts of its learning.
    most_tones : int
        At most so many tones of one instrument in each spectrum.
    start : ndarray of int [shape=(spectra,)], optional
        Which dictionary is for each spectrum; the first by default.

    Returns
    -------
    found : Found
    """
    start = np.zeros(len(Y), np.intp) if start is None else start
    lifted = model.lifted(Y)
    templates = LiftedTemplates.of(model, dictionary)
    tones = Tones.none(len(Y), Y.dtype)
    loss = ((lifted - model.lifted(np.zeros_like(Y))) ** 2).sum(axis=1) / 2
    going = np.flatnonzero(loss > 0)
    anyone = np.ones(len(Y), np.bool_)
    for _ in range(2 * most_tones * dictionary.shape[1]):
        if not len(going):
            break
        rows = start[going]
        old = tones[going]
        residual = lifted[going] - model.lifted(magnitudes_of(model, old, dictionary, rows).sum(axis=1))
        room = old.count(dictionary.shape[1]) < most_tones
        joined = old.joined(templates.best(model, residual, rows, room | anyone[going, np.newaxis]))
        refined, _ = refine(model, lifted[going], joined, weights_of(dictionary, rows, joined))
        fewer = refined.loudest(most_tones)
        new, new_loss = refine(model, lifted[going], fewer, weights_of(dictionary, rows, fewer))
        accepted = new_loss < _MUST_FALL_TO**2 * loss[going]
        tones = tones.with_spectra(going[accepted], new[accepted])
        loss[going[accepted]] = new_loss[accepted]
        again = ~accepted & anyone[going] & room.any(axis=1) & ~room.all(axis=1)
        anyone[going] = accepted
        going = going[accepted | again]
    return Found(tones.loudest(most_tones), loss)


def weights_of(dictionary: Array, start: NDArray[np.intp], tones: Tones) -> Array:
    """The dictionary's row of every tone [shape=(spectra, tones, harmonics)], 0 where there is none: it stays none."""
    weights: Array = dictionary[start[:, np.newaxis], tones.instrument]
    return weights * (tones.amplitude > 0)[..., np.newaxis]


def magnitudes_of(model: ToneModel, tones: Tones, dictionary: Array, start: NDArray[np.intp]) -> Array:
    """What every tone adds to its spectrum [shape=(spectra, tones, bins)]."""
    return model.magnitudes(tones, weights_of(dictionary, start, tones))


@dataclass(frozen=True, eq=False)
class LiftedTemplates:
    """The lifted pattern of every instrument, of norm 1, as its Fourier transform.

    Attributes
    ----------
    transform : ndarray [shape=(starts, instruments, frequencies)]
        Conjugate, over twice the axis.
    norm : ndarray [shape=(starts, instruments)]
        Of the lifted pattern at amplitude 1.
    """

    transform: NDArray[np.complexfloating]
    norm: Array

    @classmethod
    def of(cls, model: ToneModel, dictionary: Array) -> LiftedTemplates:
        """Those of the dictionaries of all starts."""
        shape = dictionary.shape[:2]
        zero = np.zeros(shape, dictionary.dtype)
        # The lower half of the fundamental belongs to the pattern too: it is made higher up, and moved back around 0.
        tones = Tones(zero + 1, zero + model.reach, np.full_like(zero, model.width), zero, np.zeros(shape, np.intp))
        pattern = model.magnitudes(tones, dictionary)
        lifted = pattern ** pattern.dtype.type(model.exponent)
        norm = np.linalg.norm(lifted, axis=-1)
        scaled = lifted / np.maximum(norm, np.finfo(norm.dtype).tiny)[..., np.newaxis]
        beyond = _padded(model) - model.axis.bins
        around_zero = np.roll(np.pad(scaled, ((0, 0), (0, 0), (0, beyond))), -model.reach, axis=-1)
        return cls(np.conj(scipy.fft.rfft(around_zero, axis=-1)), norm)

    def best(self, model: ToneModel, residual: Array, start: NDArray[np.intp], eligible: NDArray[np.bool_]) -> Tones:
        """The one tone that correlates best with each residual, none where nothing correlates positively.

        Parameters
        ----------
        model : ToneModel
        residual : ndarray [shape=(spectra, bins)]
            Of the lifted spectra.
        start : ndarray of int [shape=(spectra,)]
        eligible : ndarray of bool [shape=(spectra, instruments)]
            The instruments that may play it.

        Returns
        -------
        tones : Tones
            One place in each spectrum.
        """
        spectra = scipy.fft.rfft(residual, _padded(model), axis=-1)[:, np.newaxis] * self.transform[start]
        correlation = scipy.fft.irfft(spectra, _padded(model), axis=-1)[..., : model.axis.bins]
        flat = np.where(eligible[..., np.newaxis], correlation, 0).reshape(len(residual), -1)
        best = flat.argmax(axis=1)
        instrument, position = np.divmod(best, model.axis.bins)
        height = np.maximum(flat[np.arange(len(flat)), best], 0)
        norm = np.maximum(self.norm[start, instrument], np.finfo(residual.dtype).tiny)
        amplitude = ((height / norm) ** (1 / model.exponent)).astype(residual.dtype)
        width = np.full_like(amplitude, model.width)
        columns = (amplitude, position.astype(residual.dtype), width, np.zeros_like(amplitude), instrument)
        return Tones(*(column[:, np.newaxis] for column in columns))


def _padded(model: ToneModel) -> int:
    return int(scipy.fft.next_fast_len(2 * model.axis.bins, real=True))
