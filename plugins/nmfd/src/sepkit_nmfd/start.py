"""Where a deconvolution starts: templates drawn or learned from examples, activations at onsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import ConfigError
from sepkit.informed.atoms import score_atoms
from sepkit.music.audio import Audio
from sepkit.music.score import Score
from sepkit.problem.layout import Atom
from sepkit.problem.run import Run
from sepkit.spectral import STFT
from sepkit_nmf.divergence import frame_blocks
from sepkit_nmf.model import PASS_ELEMENTS
from sepkit_nmf.sharing import normalized
from sepkit_nmfd.config import NMFDConfig
from sepkit_nmfd.factorization import deconvolve, normalize_lagged

Array = NDArray[np.floating]

_RANK_ALONE = 3
_QUIET = 1e-2
"""Beside the strongest onset: activations that start at zero would stay there."""
_BEFORE = 0.5
"""Beside an onset itself, what the frame before already hears of it."""


@dataclass(frozen=True, eq=False)
class Initialization:
    """Factors to start from, and what is known of each atom.

    Attributes
    ----------
    W : ndarray [shape=(bins, atoms, lags)]
    H : ndarray [shape=(atoms, frames)]
    atoms : tuple of Atom
    learned : ndarray of bool [shape=(atoms,)]
        Whether the template was learned from examples.
    """

    W: Array
    H: Array
    atoms: tuple[Atom, ...]
    learned: NDArray[np.bool_]


def choose_start(
    config: NMFDConfig,
    V: Array,
    lags: int,
    frames_s: NDArray[np.floating],
    sources: Sequence[str],
    score: Score | None,
    templates: Mapping[str, Array],
    rng: np.random.Generator,
) -> Initialization:
    """The start that is made of what is known.

    Atoms of a score start at its onsets, all others where anything begins; templates that were not learned are drawn.

    Parameters
    ----------
    config : NMFDConfig
    V : ndarray [shape=(bins, frames)]
        Spectrogram of the mixture.
    lags : int
        Frames of a template.
    frames_s : ndarray [shape=(frames,)]
    sources : sequence of str
        All that are modelled; none for atoms that are to be found.
    score : Score or None
    templates : mapping of str to ndarray [shape=(bins, rank, lags)]
        Learned ones.
    rng : numpy.random.Generator
    """
    rank = config.rank or 1
    atoms: tuple[Atom, ...]
    if score is not None:
        pitched = score_atoms(score, sources, rest_rank=1)
        atoms = tuple(atom for atom in pitched for _ in range(rank))
    elif templates:
        atoms = tuple(Atom(source) for source in sources for _ in range(rank))
    else:
        # Told nothing but names, nobody knows which atom is whose.
        atoms = (Atom(),) * (config.rank or _RANK_ALONE if not sources else rank * len(sources))
    # Drawn from [0, 1): turned around, no element is zero.
    W = 1 - rng.random((len(V), len(atoms), lags), V.dtype)
    W /= W.sum(axis=(0, 2), keepdims=True)
    # Templates without a shape of their own yet tell themselves apart by when they sound.
    H = onset_strength(V) * (1 - rng.random((len(atoms), V.shape[1]), V.dtype))
    learned = np.zeros(len(atoms), bool)
    for index, atom in enumerate(atoms):
        if atom.source is not None and atom.source in templates:
            W[:, index] = templates[atom.source][:, index % rank]
            learned[index] = True
            H[index] = onset_strength(V)
        if score is not None and atom.pitch is not None:
            assert atom.source is not None
            onsets_s = [note.onset_s for note in score.part(atom.source).notes if note.pitch == atom.pitch]
            H[index] = onset_activations(onsets_s, frames_s, config.decay_s)
    return Initialization(W, H, atoms, learned)


def learn_templates(
    config: NMFDConfig, stft: STFT, lags: int, examples: Mapping[str, Sequence[Audio]], run: Run
) -> dict[str, Array]:
    """Deconvolve the hits of every source, one source after the other, and keep the templates.

    Parameters
    ----------
    config : NMFDConfig
    stft : STFT
    lags : int
        Frames of a template.
    examples : mapping of str to sequence of Audio
        Single hits or longer recordings, of one channel and at the mixture's rate.
    run : Run

    Returns
    -------
    templates : dict of str to ndarray [shape=(bins, rank, lags)]
        Every template sums to one.
    """
    learned = {}
    for source, recordings in examples.items():
        hits = [recording.samples[0] for recording in recordings]
        peaks = [max(float(np.abs(hit).max()), np.finfo(np.float32).tiny) for hit in hits]
        # So that no hit sounds into the next one, and a soft one counts as much as a loud one.
        gap = stft.window_length + lags * stft.hop
        samples = np.concatenate([np.pad(hit / peak, (0, gap)) for hit, peak in zip(hits, peaks, strict=True)])
        V = normalized(stft.magnitude(samples.astype(np.float32)))
        rank = config.rank or 1
        H = np.tile(onset_strength(V), (rank, 1))
        W = np.ones((len(V), rank, lags), np.float32)
        if rank > 1:
            W -= run.rng.random(W.shape, np.float32)
            H *= 1 - run.rng.random(H.shape, np.float32)
        fit = deconvolve(
            V,
            W,
            H,
            beta=config.beta,
            solver=config.chosen_solver,
            max_iterations=max(config.iterations, 1),
            tolerance=config.tolerance,
            steps=partial(run.steps, stage=f"learn {source}"),
        )
        learned[source] = normalize_lagged(fit.W, fit.H)[0]
    return learned


def onset_strength(V: Array) -> Array:
    """How much the spectrogram rises at each frame, and a little where it does not [shape=(frames,)]."""
    rises = np.empty(V.shape[1], V.dtype)
    for block in frame_blocks(V.shape, PASS_ELEMENTS):
        before = V[:, block.start - 1 : block.start] if block.start else np.zeros((len(V), 1), V.dtype)
        rises[block] = np.maximum(np.diff(V[:, block], axis=1, prepend=before), 0).sum(axis=0)
    largest = rises.max()
    if not largest > 0:
        return np.ones_like(rises)
    strength: Array = rises + V.dtype.type(_QUIET) * largest
    return strength


def onset_activations(
    onsets_s: Sequence[float], frames_s: NDArray[np.floating], decay_s: float
) -> NDArray[np.floating]:
    """One at the frame of each onset, decaying after it, and half at the frame before [shape=(frames,)].

    Zero before the first onset. The sum of decays does not exceed that of one onset without an end.

    Parameters
    ----------
    onsets_s : sequence of float
        Those outside the frames count for nothing.
    frames_s : ndarray [shape=(frames,)]
        Evenly spaced centres.
    decay_s : float
        To 1/e.

    References
    ----------
    C. Dittmar and M. Müller, "Reverse engineering the Amen break", IEEE/ACM TASLP 24(9), 2016: exponential decay.
    """
    H = np.zeros(len(frames_s))
    if len(frames_s) < 2:
        return H + bool(onsets_s)
    hop_s = float(frames_s[1] - frames_s[0])
    struck = np.round((np.asarray(onsets_s, float) - frames_s[0]) / hop_s).astype(int)
    struck = np.unique(struck[(struck >= 0) & (struck < len(H))])
    level = 0.0
    for frame, following in zip(struck, np.append(struck, len(H))[1:], strict=True):
        # What is left of the hits before sounds on.
        level += 1.0
        falling = level * np.exp(-np.arange(following - frame + 1) * (hop_s / decay_s))
        H[frame:following] = falling[:-1]
        level = falling[-1]
    before = np.maximum(struck - 1, 0)
    H[before] = np.maximum(H[before], _BEFORE)
    return H


def require_learned(names: Sequence[str], examples: Sequence[str], adapt: str) -> None:
    """Refuse to keep templates that nothing is there to learn from.

    Raises
    ------
    ConfigError
    """
    strange = [name for name in names if name not in examples]
    if strange:
        raise ConfigError(f"frozen names '{', '.join(strange)}', of which there is no example; give it by --example")
    if adapt != "free" and not examples:
        raise ConfigError(f"adapt={adapt} needs templates learned from examples; give some by --example")
