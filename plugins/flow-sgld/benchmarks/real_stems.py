"""Real recordings under spectral flows that were trained on other recordings, beside what is known to be simple.

    python real_stems.py DATA WEIGHTS --seconds 6 --chains 2

DATA holds ``tones`` (single notes), and tracks with stems in ``bach10``, ``urmp``, ``render`` and ``violin_piano``.
Flows of violin, piano and bassoon are trained into WEIGHTS, if they are not there, on single notes and on stems of
other pieces than those that are separated; every recording is brought to one loudness first. Prints Markdown: SDR /
SI-SDR of every stem in dB; the joint log density of the stems in nats per sample, under noise that is the same in every
row; and seconds. Stems that are likelier than the true ones but far from them show that the flows fail; if the true
ones are likelier, the sampler did not find them. `stationary` has the flows' mean spectra and nothing else.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import sepkit
from sepkit import Audio, Domain, Layout, Score, SideInformation
from sepkit.evaluation import Dataset, Track, evaluate
from sepkit_flow_sgld.density import FlowDensity
from sepkit_flow_sgld.gaussian import GaussianPrior
from sepkit_flow_sgld.prior import FlowPrior

RATE = 16_000
LOUDNESS = 0.1
RECORDINGS = {
    "violin": (
        "tones/npm_violin/*.mp3",
        "tones/sms_tools/violin-B3.flac",
        "urmp/*/stems/violin*.flac",
        "bach10/mix02_bwv385/stems/violin.flac",
        "bach10/mix06_bwv274/stems/violin.flac",
    ),
    "piano": (
        "tones/npm_piano_salamander_v10/audio/*",
        "tones/sms_tools/piano.flac",
        "render/piano_hands_chopin_op10_no3_p01/stems/*.flac",
    ),
    "bassoon": (
        "tones/npm_bassoon/*.mp3",
        "render/chorale_bwv253/stems/bassoon.flac",
        "bach10/mix02_bwv385/stems/bassoon.flac",
        "bach10/mix06_bwv274/stems/bassoon.flac",
    ),
}
PIECES = {"violin_piano/sample2": ("violin", "piano"), "bach10/mix05_bwv255": ("violin", "bassoon")}
FLOW: dict[str, Any] = {"kind": "spectral", "bins": 512, "widths": (16,), "flow_steps": (6,), "dilations": (1, 2, 4)}
LEARNING: dict[str, Any] = {"steps": 400, "learning_rate": 3e-3, "ema": 0.99, "segment": 8192, "gain_db": 4}
TRAINING: dict[str, Any] = {**FLOW, **LEARNING, "lowest": 0.02, "highest": 2}
LADDER: dict[str, Any] = {"levels": 2, "highest": 0.2, "lowest": 0.1, "steps": 20}
SAMPLING: dict[str, Any] = {**LADDER, "start": "wiener", "average": 0.5, "select": "mean"}
SIGMA = 0.1
"""Noise under which log densities are compared, over the mixture's root mean square."""


class EquallyLoud(Dataset):
    """Recordings of one source each."""

    path: Path

    def tracks(self) -> Iterator[Track]:
        for source, patterns in RECORDINGS.items():
            for file in sorted(file for pattern in patterns for file in self.path.glob(pattern)):
                name = str(file.relative_to(self.path))
                yield Track(name=name, stems={source: partial(equally_loud, file)}, split="train")


def mono(file: Path) -> Audio:
    """A recording at the rate of the benchmark."""
    return Audio.read(file).resample(RATE).mixdown()


def equally_loud(file: Path) -> Audio:
    """A recording whose sounding frames have one mean power."""
    samples = mono(file).samples
    frames = samples[0, : samples.shape[1] // 800 * 800].reshape(-1, 800)
    powers = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return Audio(samples * np.float32(LOUDNESS / np.sqrt(powers[powers > 1e-4 * powers.max()].mean())), RATE)


@dataclass(frozen=True)
class Piece:
    """A mixture of two stems, and what is known of it.

    Attributes
    ----------
    stems : dict of str to Audio
    score : Score or None
        Of these stems alone.
    weights : Path
        Of the flows.
    """

    stems: dict[str, Audio]
    score: Score | None
    weights: Path

    @classmethod
    def read(cls, folder: Path, sources: Iterable[str], seconds: float, weights: Path) -> Piece:
        """The first `seconds` of a track."""
        samples = {source: mono(folder / "stems" / f"{source}.flac").samples for source in sources}
        length = min(int(seconds * RATE), *(stem.shape[1] for stem in samples.values()))
        stems = {source: Audio(stem[:, :length], RATE) for source, stem in samples.items()}
        if not (folder / "score.mid").exists():
            return cls(stems, None, weights)
        notes = Score.read(folder / "score.mid").notes
        return cls(stems, Score(tuple(note for note in notes if note.part in stems)), weights)

    @property
    def mixture(self) -> Audio:
        return Audio(np.sum([stem.samples for stem in self.stems.values()], axis=0), RATE)

    def density(self, length: int) -> FlowDensity:
        """That of the flows, for stems of so many samples."""
        empty = Audio(np.zeros((1, length), np.float32), RATE)
        layout = Layout(mixture=empty, side_information=SideInformation(), sources=tuple(self.stems))
        density = FlowPrior(weights=self.weights).bind(layout, Domain.WAVEFORMS)
        assert isinstance(density, FlowDensity)
        return density

    def gaussian(self) -> GaussianPrior:
        """Normal processes with the flows' mean spectra."""
        return GaussianPrior(spectra=dict(zip(self.stems, self.density(1024).spectra.tolist(), strict=True)))

    def log_density(self, stems: dict[str, Audio]) -> float:
        """Nats per sample of the stems together, with the same noise each time."""
        value = np.stack([stem.samples for stem in stems.values()])
        density, level = self.density(value.shape[-1]), float(np.sqrt(np.mean(self.mixture.samples**2)))
        scale = float(np.sqrt(density.power.sum()))
        noisy = scale * (value / level + SIGMA * np.random.default_rng(0).standard_normal(value.shape))
        return float(density.smoothed(scale * SIGMA).log_prob(noisy) / value.shape[-1])

    def rows(self, chains: int) -> dict[str, tuple[str, dict[str, Any]]]:
        """What is compared: methods, and what they are given."""
        sampling = {**SAMPLING, "chains": chains}
        flows: dict[str, Any] = {"config": sampling, "weights": self.weights}
        gaussian: dict[str, Any] = {"config": sampling, "priors": [self.gaussian()], "weights": self.weights}
        scored: dict[str, Any] = {"score": self.score, "constraints": ["score"]}
        rows: dict[str, tuple[str, dict[str, Any]]] = {
            "mixture": ("mixture", {}),
            "mixture / N": ("mixture", {"constraints": ["mixture-consistency"]}),
            "nmf, blind, best order": ("nmf", {}),
            "gaussian, from Wiener": ("flow-sgld", gaussian),
            "flows, from Wiener": ("flow-sgld", flows),
        }
        if self.score is not None:
            rows |= {
                "harmonic-comb": ("harmonic-comb", {"score": self.score}),
                "score-nmf": ("score-nmf", {"score": self.score}),
                "gaussian + score": ("flow-sgld", {**gaussian, **scored}),
                "flows + score": ("flow-sgld", {**flows, **scored}),
            }
        return {**rows, "ideal ratio mask (oracle)": ("ideal-ratio-mask", {"references": self.stems})}


def main() -> None:
    """Train what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--seconds", type=float, default=6.0, help="that are separated of each piece")
    parser.add_argument("--chains", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sepkit.train("flow", [EquallyLoud(path=given.data)], given.weights, config=TRAINING, device="cpu")
    for name, sources in PIECES.items():
        piece = Piece.read(given.data / name, sources, given.seconds, given.weights)
        print(f"\n{name}\n\n| | {' | '.join(sources)} | log density | s |\n| --- {'| --- ' * (len(sources) + 2)}|")
        print(f"| truth {'| ' * len(sources)}| {piece.log_density(piece.stems):.3f} | |", flush=True)
        for row, (method, options) in piece.rows(given.chains).items():
            started = time.perf_counter()
            found = sepkit.separate(piece.mixture, method, sources=sources, device="cpu", **options)
            seconds = time.perf_counter() - started
            score = evaluate(found, piece.stems, metrics=["sdr", "si-sdr"], permute=method == "nmf")
            cells = [f"{score.values['SDR'][source]:.1f} / {score.values['SI-SDR'][source]:.1f}" for source in sources]
            density = piece.log_density({source: found[score.assignment[source]] for source in sources})
            print(f"| {row} | {' | '.join(cells)} | {density:.3f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
