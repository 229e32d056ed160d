"""Where a factorisation starts: drawn, given in a file, or learned from example recordings of the sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.problem.layout import Layout
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.problem.variables_file import StoredVariables, read_variables
from sepkit.spectral import STFT
from sepkit_nmf.config import NMFConfig
from sepkit_nmf.factorization import factorize
from sepkit_nmf.grouping import RANK_PER_SOURCE, blind_rank
from sepkit_nmf.initialize import nndsvd, normalize_templates, random_init
from sepkit_nmf.labelled import frames_alone, labelled_sources, owners_of_atoms
from sepkit_nmf.sharing import normalized

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Initialization:
    """Factors to start from, and what is known of each atom.

    Attributes
    ----------
    W : ndarray [shape=(bins, atoms)]
    H : ndarray [shape=(atoms, frames)]
    labels : tuple of str or None
        The source of each atom, None where that is to be found.
    free_w, free_h : ndarray [shape=(atoms,)]
        True where templates, activations are to be updated.
    """

    W: Array
    H: Array
    labels: tuple[str | None, ...]
    free_w: NDArray[np.bool_]
    free_h: NDArray[np.bool_]


def choose_start(
    config: NMFConfig, V: Array, stft: STFT, problem: Problem, sources: tuple[str, ...], run: Run, *, apart: bool
) -> Initialization:
    """The start that `config` asks for.

    Parameters
    ----------
    config : NMFConfig
    V : ndarray [shape=(bins, frames)]
        Spectrogram of the mixture.
    stft : STFT
    problem : Problem
    sources : tuple of str
        The wanted names; those without an example get free templates.
    run : Run
    apart : bool
        Whether every source needs atoms of its own from the start.

    Raises
    ------
    ConfigError
        If a given file cannot be used, or what is to stay fixed is not given.
    """
    examples, told = problem.side_information.examples, labelled_sources(problem)
    if config.start is not None:
        if examples:
            raise ConfigError("templates are either learned from examples or given by start, not both")
        return _given(config, config.start, V, problem.layout(**_axes(stft, problem)), sources, run.rng)
    if config.fix == "templates" and not examples:
        raise ConfigError("fix=templates needs templates: give examples, with examples=... or --example, or start")
    if not (examples or told or apart):
        rank = blind_rank(config.rank, sources)
        W, H = _initial(config, V, rank, run.rng)
        free = np.ones(rank, bool)
        return Initialization(W, H, (None,) * rank, free, free)
    learned = learn_templates(config, stft, examples, V.dtype, run)
    others = tuple(source for source in sources if source not in learned)
    owners = owners_of_atoms(others, told, config.rank, apart=apart)
    alone = frames_alone(problem, (*learned, *owners), **_axes(stft, problem)) if told else {}
    heard = {
        source: _templates(config, V[:, frames], run, source) for source, frames in alone.items() if source in others
    }
    return _supervised(config, learned, heard, owners, V, run.rng)


def _axes(stft: STFT, problem: Problem) -> dict[str, Any]:
    rate = problem.mixture.sample_rate
    return {"bins_hz": stft.bins_hz(rate), "frames_s": stft.frames_s(problem.mixture.length, rate)}


def learn_templates(
    config: NMFConfig, stft: STFT, examples: Mapping[str, Sequence[Audio]], dtype: np.dtype[np.floating], run: Run
) -> dict[str, Array]:
    """Factorise the example recordings of every source, one after the other, and keep its templates.

    Returns
    -------
    templates : dict of str to ndarray [shape=(bins, rank)]
        Every column sums to one.
    """
    learned = {}
    for source, recordings in examples.items():
        samples = np.concatenate([recording.samples[0] for recording in recordings])
        learned[source] = _templates(config, stft.magnitude(samples.astype(dtype, copy=False)), run, source)
    return learned


def _templates(config: NMFConfig, V: Array, run: Run, source: str) -> Array:
    """Templates of a spectrogram of one source alone [shape=(bins, rank)]; every column sums to one."""
    V = normalized(np.ascontiguousarray(V))
    W, H = _initial(config, V, config.rank or RANK_PER_SOURCE, run.rng)
    fit = factorize(
        V,
        W,
        H,
        beta=config.beta,
        solver=config.chosen_solver,
        max_iterations=config.iterations,
        tolerance=config.tolerance,
        steps=partial(run.steps, stage=f"learn {source}"),
    )
    return normalize_templates(fit.W, fit.H)[0]


def _supervised(
    config: NMFConfig,
    learned: Mapping[str, Array],
    heard: Mapping[str, Array],
    owners: tuple[str | None, ...],
    V: Array,
    rng: np.random.Generator,
) -> Initialization:
    """Templates `learned` from examples, which stay fixed, and atoms of other `owners`, some `heard` in the mixture."""
    labels = (*(source for source, columns in learned.items() for _ in range(columns.shape[1])), *owners)
    W, H = normalize_templates(*random_init(V, len(labels), rng))
    for source, columns in {**learned, **heard}.items():
        W[:, [label == source for label in labels]] = columns
    free_w = np.array([label not in learned or config.fix == "none" for label in labels])
    return Initialization(W, H, labels, free_w, np.ones(len(labels), bool))


def _given(
    config: NMFConfig, path: Path, V: Array, layout: Layout, sources: tuple[str, ...], rng: np.random.Generator
) -> Initialization:
    stored = read_variables(path)
    assert layout.bins_hz is not None
    assert layout.frames_s is not None
    stored.require_axes(layout.mixture.sample_rate, bins_hz=layout.bins_hz, frames_s=layout.frames_s)
    rank = _rank(stored)
    labels = (None,) * rank if stored.atoms is None else tuple(atom.source for atom in stored.atoms)
    stray = sorted({label for label in labels if label is not None and sources and label not in sources})
    if stray:
        raise ConfigError(
            f"atoms in {path} belong to '{', '.join(stray)}', which is not among the sources {', '.join(sources)}"
        )
    drawn_w, drawn_h = random_init(V, rank, rng)
    W, H = stored.value("templates", drawn_w.shape), stored.value("activations", drawn_h.shape)
    for name, given in (("templates", W), ("activations", H)):
        if given is None and config.fix == name:
            raise ConfigError(f"fix={name} needs '{name}' in {path}, which has none")
    free_w, free_h = np.full(rank, config.fix != "templates"), np.full(rank, config.fix != "activations")
    start_w = drawn_w if W is None else W.astype(V.dtype)
    start_h = drawn_h if H is None else H.astype(V.dtype)
    return Initialization(start_w, start_h, labels, free_w, free_h)


def _rank(stored: StoredVariables) -> int:
    """How many atoms a file has factors of."""
    for name, axis in (("templates", -1), ("activations", 0)):
        factor = stored.values.get(name)
        if factor is not None:
            if factor.ndim != 2 or factor.shape[axis] == 0:
                raise ConfigError(f"'{name}' in {stored.path} needs two dimensions and atoms, given {factor.shape}")
            rank = int(factor.shape[axis])
            break
    else:
        raise ConfigError(f"{stored.path} holds neither 'templates' nor 'activations'")
    if stored.atoms is not None and len(stored.atoms) != rank:
        raise ConfigError(f"{stored.path} has {rank} atoms in '{name}', and tells the sources of {len(stored.atoms)}")
    return rank


def _initial(config: NMFConfig, V: Array, rank: int, rng: np.random.Generator) -> tuple[Array, Array]:
    if config.init == "nndsvd" and rank <= min(V.shape):
        return nndsvd(V, rank)
    return random_init(V, rank, rng)
