"""What a trained encoder is worth on music it has not seen: SDR and seconds against NMF with fixed templates.

A track is a folder with ``stems/<source>.*``. Its first half is learned from, its second half is separated::

    python plugins/nae/benchmarks/encoder_reuse.py TRACK [TRACK ...] > table.md

NMF learns its templates from the stems of the first half, as many for each source as the autoencoder has, and keeps
them fixed; all masks have one exponent. Seconds are those of one thread, the median of several runs, without learning:
of the whole separation, and of finding the activations alone.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sepkit import Audio, Problem, Run
from sepkit.evaluation import Track, evaluate
from sepkit.evaluation.datasets.folder import Folder
from sepkit.spectral import STFT, soft_masks
from sepkit.training import TrainingData
from sepkit_nae import NAEConfig
from sepkit_nae.trained import TrainedAutoencoder
from sepkit_nae.training import NAETrainer
from sepkit_nae.training_config import NAETraining
from sepkit_nmf import factorize, normalize_templates, normalized, random_init

EXPONENT = 2.0
CPU = torch.device("cpu")

Stems = Mapping[str, Audio]
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """How one method did: the SDR of every stem in dB, and seconds."""

    method: str
    sdr_db: dict[str, float]
    seconds: float = float("nan")
    activations_s: float = float("nan")
    iterations: str = ""


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="+")
    parser.add_argument("--rank", type=int, default=NAETraining().rank)
    parser.add_argument("--steps", type=int, default=NAETraining().steps)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    options = NAETraining(rank=arguments.rank, steps=arguments.steps)
    print("| track | method | SDR, mean | SDR of each | seconds | activations | iterations |")
    print("| --- | --- | ---: | --- | ---: | ---: | --- |")
    with threadpool_limits(1):
        for path in arguments.tracks:
            (track,) = Folder(path=path).tracks()
            for row in measured(track, options, arguments.repeats):
                each = ", ".join(f"{name} {value:.1f}" for name, value in row.sdr_db.items())
                mean = np.mean(list(row.sdr_db.values()))
                print(
                    f"| {track.name} | {row.method} | {mean:.2f} | {each} | {shown(row.seconds)} | "
                    f"{shown(row.activations_s)} | {row.iterations} |",
                    flush=True,
                )


def shown(seconds: float) -> str:
    """Seconds, or nothing where none were measured."""
    return "" if np.isnan(seconds) else f"{seconds:.3f}"


def measured(track: Track, options: NAETraining, repeats: int) -> list[Row]:
    """All methods on the second half of one track."""
    stems = {name: stem.mixdown() for name, stem in track.load_stems().items()}
    middle = min(stem.length for stem in stems.values()) // 2
    first = {name: Audio(stem.samples[:, :middle], stem.sample_rate) for name, stem in stems.items()}
    second = {name: Audio(stem.samples[:, middle : 2 * middle], stem.sample_rate) for name, stem in stems.items()}
    mixture = mixed(second)
    stft = STFT.of_duration(options.window_s, options.overlap, mixture.sample_rate)
    scored = partial(score, second)
    truth = stft.magnitude(np.concatenate([stem.samples for stem in second.values()]))
    rows = [
        Row("mixture", scored(dict.fromkeys(second, mixture))),
        Row("ideal ratio mask", scored(filtered(mixture, stft, second, lambda block: soft_masks(truth[..., block])))),
    ]
    fixed = FixedTemplates(first, stft, options)
    estimates, seconds = timed(lambda: fixed.separate(mixture), repeats)
    fit, fit_s = timed(lambda: fixed.fit(mixture), repeats)
    rows.append(Row("NMF, fixed templates", scored(estimates), seconds, fit_s, str(fit[1])))
    trained = train(first, options)
    problem, samples = Problem(mixture, tuple(second)), mixture.samples[0]
    _, encode_s = timed(lambda: trained.activations(samples, Run()), repeats)
    for inference, activations_s in (("encoder", encode_s), ("refit", float("nan"))):
        config = NAEConfig(inference=inference, mask_exponent=EXPONENT)
        estimates, seconds = timed(partial(trained.separate, problem, config, Run(device="cpu")), repeats)
        rows.append(Row(f"NAE, {inference}", scored(estimates), seconds, activations_s))
    return rows


class FixedTemplates:
    """Supervised NMF as `nmf` does it, its templates learned beforehand."""

    def __init__(self, examples: Stems, stft: STFT, options: NAETraining) -> None:
        self.stft, self.names, self.rank = stft, tuple(examples), options.rank
        self.W = np.concatenate([self._templates(example.samples[0]) for example in examples.values()], axis=1)

    def _templates(self, samples: NDArray[np.float32]) -> NDArray[np.floating]:
        V = normalized(self.stft.magnitude(samples))
        W, H = random_init(V, self.rank, np.random.default_rng(0))
        fit = factorize(V, W, H)
        return normalize_templates(fit.W, fit.H)[0]

    def fit(self, mixture: Audio) -> tuple[NDArray[np.floating], int]:
        """Activations, from a random start to where the method stops by default, and the number of iterations."""
        V = normalized(self.stft.magnitude(mixture.samples[0]))
        _, H = random_init(V, self.W.shape[1], np.random.default_rng(0))
        fit = factorize(V, self.W, H, free_w=False)
        return fit.H, fit.iterations

    def separate(self, mixture: Audio) -> Stems:
        """Fit the activations, then filter."""
        H, _ = self.fit(mixture)
        W = self.W.T.reshape(len(self.names), self.rank, -1).swapaxes(1, 2)

        def masks(block: slice) -> NDArray[np.floating]:
            return soft_masks(W @ H[:, block].reshape(len(self.names), self.rank, -1), EXPONENT)

        return filtered(mixture, self.stft, self.names, masks)


def train(examples: Stems, options: NAETraining) -> TrainedAutoencoder:
    """An autoencoder that has heard the examples alone."""
    track = Track(name="first half", stems={name: partial(replace, stem) for name, stem in examples.items()})
    with tempfile.TemporaryDirectory() as folder:
        NAETrainer(options).train(TrainingData((track,), (), tuple(examples)), Path(folder), Run(device="cpu"))
        return TrainedAutoencoder.read(Path(folder), CPU)


def filtered(
    mixture: Audio, stft: STFT, names: Collection[str], masks: Callable[[slice], NDArray[np.floating]]
) -> Stems:
    """The mixture through masks."""
    stems = stft.filter(mixture.samples[0], masks, len(names))
    return {name: Audio(stem[np.newaxis], mixture.sample_rate) for name, stem in zip(names, stems, strict=True)}


def mixed(stems: Stems) -> Audio:
    """The sum of stems."""
    total = np.sum([stem.samples for stem in stems.values()], axis=0)
    return Audio(total, next(iter(stems.values())).sample_rate)


def score(references: Stems, estimates: Stems) -> dict[str, float]:
    """SDR of every stem in dB."""
    sdr_db: dict[str, float] = evaluate(dict(estimates), references, metrics=["sdr"]).values["SDR"]
    return sdr_db


def timed(work: Callable[[], T], repeats: int) -> tuple[T, float]:
    """What `work` gives, and the median of its seconds on the processor."""
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        result = work()
        seconds.append(time.process_time() - started)
    return result, statistics.median(seconds)


if __name__ == "__main__":
    main()
