"""Real duets under a prior that was learned from other recordings, blind and with the score.

    python duets.py DATA --seconds 6

DATA is laid out as for ``real_stems.py``. The prior is `stationary`: every instrument's mean spectrum, over single
notes and the stems of all pieces but the one that is separated; `diffusion` with denoisers of instruments; and with a
score `local-gaussian`. Prints plain SDR in dB of every stem. The second table
says why denoisers of steady pitched sounds have no place here: the SDR with which a stem is told by a single cycle that
repeats for the whole of an excerpt, the best of all periods of `diffusion`, over excerpts of several lengths.
``--stems FILE`` also writes what chains agree to and what the SDR is, for ``agreement.py``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from real_stems import RATE, RECORDINGS, SAMPLING, Piece, equally_loud

import sepkit
from sepkit.evaluation import evaluate
from sepkit_flow_sgld.gaussian import GaussianPrior
from sepkit_flow_sgld.periods import harmonics, likeliest_periods, repeated

PIECES = {
    "violin_piano/sample2": ("violin", "piano"),
    "bach10/mix02_bwv385": ("violin", "bassoon"),
    "bach10/mix05_bwv255": ("violin", "bassoon"),
    "bach10/mix06_bwv274": ("violin", "bassoon"),
}
FRAME = 1024
LONGEST_S = 10
"""That is heard of a recording."""
MOST = 60
"""Recordings that a pattern stands for, evenly out of those that there are."""
EXCERPTS_S = (0.05, 0.1, 0.25, 1.0)
PERIODS = (14, 615)
"""26 to 1150 Hz in samples, as `diffusion` has them."""
DOWN: dict[str, Any] = {"sampler": "gibbs", "lowest": 0.003, "levels": 12, "steps": 1, "chains": 1, "jitter": 0.0}
BLIND: dict[str, Any] = {**DOWN, "start": "noise", "highest": 1.0, "levels": 24}
FACTORIZED: dict[str, Any] = {**DOWN, "start": "factorized", "levels": 1, "lowest": 0.02}
LADDER: dict[str, Any] = {**DOWN, "start": "factorized", "highest": 0.1}
NEAR: dict[str, Any] = {**DOWN, "start": "prior", "highest": 0.3}
LANGEVIN: dict[str, Any] = {"start": "noise", "levels": 8, "highest": 1.0, "lowest": 0.01, "chains": 1}
LONG: dict[str, Any] = {"stft_window_s": 0.128}
"""Windows for the score, in which neighbouring partials lie apart."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=float, default=6.0, help="that are separated of each piece")
    parser.add_argument("--stems", type=Path)
    parser.add_argument("--pieces", default=",".join(PIECES))
    parser.add_argument("--denoisers", default="diffusion-instruments", help="weights of the prior diffusion")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.pieces.split(","):
        sources = PIECES[name]
        piece = Piece.read(given.data / name, sources, given.seconds, given.data)
        prior = GaussianPrior(spectra={source: spectrum(given.data, source, name) for source in sources})
        print(f"\n{name}\n\n| | {' | '.join(sources)} | s |\n| --- {'| ---: ' * (len(sources) + 1)}|", flush=True)
        for row, (method, options) in rows(piece, prior, given.denoisers).items():
            started = time.process_time()
            found = sepkit.separate(piece.mixture, method, sources=sources, device="cpu", **options)
            seconds = time.process_time() - started
            score = evaluate(found, piece.stems, metrics=["sdr"], permute=method == "nmf")
            cells = [f"{score.values['SDR'][source]:.1f}" for source in sources]
            print(f"| {row} | {' | '.join(cells)} | {seconds:.0f} |", flush=True)
            if given.stems and method == "flow-sgld" and "oracle" not in row:
                with given.stems.open("a", encoding="utf-8") as file:
                    for source in sources:
                        agreement, truth = found.provenance.agreement_db[source], score.values["SDR"][source]
                        file.write(f"recordings\t{name}\t{source}\t{agreement}\t{truth}\n")
        print(f"\n| one cycle, over | {' | '.join(f'{s:g} s' for s in EXCERPTS_S)} |\n| --- {'| ---: ' * 4}|")
        for source, stem in piece.stems.items():
            told = [one_cycle(stem.samples[0], round(s * RATE)) for s in EXCERPTS_S]
            print(f"| {source} | {' | '.join(f'{figure:.1f}' for figure in told)} |", flush=True)


def rows(piece: Piece, prior: GaussianPrior, denoisers: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """What is compared: methods, and what they are given."""
    known = GaussianPrior(spectra={source: mean_power(stem.samples[0]) for source, stem in piece.stems.items()})
    sampling = {**SAMPLING, "chains": 2}
    diffusion = f"diffusion:weights={denoisers}"
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "mixture / 2": ("mixture", {"constraints": ["mixture-consistency"]}),
        "`nmf`, blind, best order": ("nmf", {}),
        "`stationary`": ("flow-sgld", {"config": sampling, "priors": [prior]}),
        "`stationary`, of the true stems (oracle)": ("flow-sgld", {"config": sampling, "priors": [known]}),
        "`diffusion`, from noise": ("flow-sgld", {"config": BLIND, "priors": [diffusion]}),
        "`diffusion`, from factorised parts, one sweep": ("flow-sgld", {"config": FACTORIZED, "priors": [diffusion]}),
        "the same, twelve levels from 0.1": ("flow-sgld", {"config": LADDER, "priors": [diffusion]}),
    }
    if piece.score is not None:
        scored: dict[str, Any] = {"score": piece.score, "constraints": ["score"]}
        long: dict[str, Any] = {**scored, "config": {**sampling, **LONG}}
        rows |= {
            "`harmonic-comb`": ("harmonic-comb", {"score": piece.score}),
            "`score-nmf`": ("score-nmf", {"score": piece.score}),
            "`stationary`, `score`": ("flow-sgld", {**scored, "config": sampling, "priors": [prior]}),
            "`stationary`, `score`, windows of 128 ms": ("flow-sgld", {**long, "priors": [prior]}),
            "the same, spectra of the true stems (oracle)": ("flow-sgld", {**long, "priors": [known]}),
            "`diffusion`, `score`, a source at a time": (
                "flow-sgld",
                {**scored, "config": {**DOWN, **LONG, "start": "noise", "highest": 1.0}, "priors": [diffusion]},
            ),
            "`diffusion`, `score`, Langevin": (
                "flow-sgld",
                {**scored, "config": {**LANGEVIN, **LONG}, "priors": [diffusion]},
            ),
            "`local-gaussian`": (
                "flow-sgld",
                {"score": piece.score, "config": NEAR, "priors": ["local-gaussian"]},
            ),
            "`local-gaussian`, `score`": (
                "flow-sgld",
                {**scored, "config": {**NEAR, **LONG}, "priors": ["local-gaussian"]},
            ),
            "`local-gaussian`, `diffusion`": (
                "flow-sgld",
                {"score": piece.score, "config": NEAR, "priors": ["local-gaussian", diffusion]},
            ),
        }
    return {**rows, "ideal ratio mask (oracle)": ("ideal-ratio-mask", {"references": piece.stems})}


def spectrum(data: Path, source: str, piece: str) -> tuple[float, ...]:
    """The mean variance of an instrument at every frequency, over recordings other than those of the `piece`."""
    patterns = [*RECORDINGS[source], *(f"{name}/stems/{source}.flac" for name in PIECES)]
    files: set[Path] = set()
    for pattern in patterns:
        found = sorted(file for file in data.glob(pattern) if not file.is_relative_to(data / piece))
        files.update(found[:: max(1, len(found) // MOST)])
    heard = [equally_loud(file).samples[0, : LONGEST_S * RATE] for file in sorted(files)]
    return tuple(np.mean([mean_power(samples) for samples in heard if len(samples) >= FRAME], axis=0).tolist())


def mean_power(samples: NDArray[np.float32]) -> tuple[float, ...]:
    """The mean variance of a recording at every frequency."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[:: FRAME // 2]
    powers = np.square(np.abs(np.fft.rfft(np.hanning(FRAME) * frames))).mean(0) / np.sum(np.hanning(FRAME) ** 2)
    return tuple(np.maximum(powers, 1e-12).tolist())


def one_cycle(samples: NDArray[np.float32], length: int) -> float:
    """SDR in dB of a stem, every excerpt of which is a single cycle over and over."""
    excerpts = torch.tensor(samples[: len(samples) // length * length].reshape(-1, length))
    longest = min(PERIODS[1], length // 2)
    levels = 0.1 * excerpts.square().mean(1).sqrt().clamp_min(1e-6)
    periods = likeliest_periods(excerpts, levels, PERIODS[0], longest, 1)
    told = repeated(harmonics(excerpts, periods, longest), periods, torch.ones(len(excerpts), 1), length)
    return 10 * float(torch.log10(excerpts.square().sum() / (excerpts - told).square().sum()))


if __name__ == "__main__":
    main()
