"""Real recordings under spectral flows that were trained on other recordings, beside what is known to be simple.

    python real_stems.py DATA WEIGHTS --seconds 6

DATA holds ``tones`` (single notes), and tracks with stems in ``bach10``, ``urmp``, ``render`` and ``violin_piano``.
Flows of violin, piano and bassoon are trained into WEIGHTS, if they are not there, on single notes and on stems of
other recordings than those that are separated; every recording is brought to one loudness first. Prints Markdown: SDR /
SI-SDR of every stem in dB, and the joint log density in nats per sample, under noise that is the same in every row.
What is likelier than the true stems but far from them shows that priors fail. If the truth is likelier, or if chains
that start there stay there while others do not find it, the sampler does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import sepkit
from sepkit.audio import Audio
from sepkit.neural import Checkpoint, fit, generator
from sepkit.run import Run
from sepkit.spectral import STFT
from sepkit.training import TrainingConfig
from sepkit_flow_sgld.config import FlowSGLDConfig
from sepkit_flow_sgld.density import FlowDensity
from sepkit_flow_sgld.posterior import Posterior, Scaled
from sepkit_flow_sgld.sampler import Annealing, Target
from sepkit_flow_sgld.spectral_flow import SpectralFlow

Stems = NDArray[np.float64]

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
OPTIONS: dict[str, Any] = {"bins": 512, "steps": 6, "width": 16, "dilations": (1, 2, 4), "levels": (0.02, 2.0)}
TRAINING = TrainingConfig(steps=600, learning_rate=3e-3, ema=0.99)
BATCH, FRAMES, GAIN_DB = 8, 16, 4.0
SAMPLING: dict[str, Any] = {"levels": 2, "highest": 0.2, "lowest": 0.1, "steps": 40, "average": 0.5, "select": "mean"}
SIGMA = 0.1
"""Noise under which log densities are compared, over the mixture's root mean square."""


def mono(file: Path) -> NDArray[np.float32]:
    """A recording at the rate of the benchmark [shape=(samples,)]."""
    samples: NDArray[np.float32] = Audio.read(file).resample(RATE).mixdown().samples[0]
    return samples


def equally_loud(file: Path) -> NDArray[np.float32]:
    """A recording whose sounding frames have one mean power."""
    samples = mono(file)
    powers = np.mean(np.square(samples[: len(samples) // 800 * 800].reshape(-1, 800), dtype=np.float64), axis=1)
    return samples * np.float32(LOUDNESS / np.sqrt(powers[powers > 1e-4 * powers.max()].mean()))


def train(source: str, data: Path, weights: Path) -> None:
    """Write the flow of one source."""
    files = sorted(file for pattern in RECORDINGS[source] for file in data.glob(pattern))
    recordings = [torch.from_numpy(equally_loud(file)) for file in files]
    length = FRAMES * OPTIONS["bins"]
    run = Run(seed=0, device="cpu")
    flow = SpectralFlow(data_std=LOUDNESS, **OPTIONS)
    flow.initialize(generator(run.rng))
    flow.measure(recordings)
    lowest, highest = OPTIONS["levels"]

    def segment(rng: np.random.Generator) -> torch.Tensor:
        """A random one that is not silent."""
        while True:
            recording = recordings[rng.integers(len(recordings))]
            start = int(rng.integers(max(1, len(recording) - length + 1)))
            found = recording[start : start + length]
            if len(found) == length and float(found.square().mean()) > 1e-4 * LOUDNESS**2:
                return found * 10 ** (rng.uniform(-GAIN_DB, GAIN_DB) / 20)

    def loss(model: torch.nn.Module, rng: np.random.Generator) -> torch.Tensor:
        clean = torch.stack([segment(rng) for _ in range(BATCH)])
        places = (np.arange(BATCH) + rng.uniform()) / BATCH
        sigma = torch.from_numpy(LOUDNESS * lowest * (highest / lowest) ** places).float()
        noise = torch.from_numpy(rng.standard_normal(clean.shape)).float()
        log_prob: torch.Tensor = model((clean + sigma[:, None] * noise).float(), sigma)
        return (-log_prob / length - sigma.log()).mean()

    state = weights / f"{source}.state"
    with run:
        fit(flow, loss, config=TRAINING, state=state, run=run, stage=source)
    config = {"data_std": LOUDNESS, **OPTIONS}
    Checkpoint("spectral-flow", config, (source,), RATE, flow.state_dict()).write(weights / source)
    state.unlink(missing_ok=True)


def load(source: str, weights: Path) -> SpectralFlow:
    """A trained flow."""
    checkpoint = Checkpoint.read(weights / source, "spectral-flow")
    flow = SpectralFlow(**checkpoint.config)
    checkpoint.load_into(flow)
    return flow.requires_grad_(False).eval()


@dataclass(frozen=True)
class Piece:
    """A mixture of two stems, and what is known of them in general.

    Attributes
    ----------
    sources : tuple of str
    stems : ndarray [shape=(sources, samples)]
    flows : tuple of SpectralFlow
    """

    sources: tuple[str, ...]
    stems: Stems
    flows: tuple[SpectralFlow, ...]

    @classmethod
    def read(cls, folder: Path, sources: tuple[str, ...], seconds: float, weights: Path) -> Piece:
        """The first `seconds` of a track."""
        stems = [mono(folder / "stems" / f"{source}.flac") for source in sources]
        length = min(int(seconds * RATE), *map(len, stems))
        flows = tuple(load(source, weights) for source in sources)
        return cls(sources, np.stack([stem[:length] for stem in stems]).astype(np.float64), flows)

    @property
    def mixture(self) -> NDArray[np.float64]:
        mixture: NDArray[np.float64] = self.stems.sum(axis=0)
        return mixture

    @property
    def level(self) -> float:
        return float(np.sqrt(np.mean(self.mixture**2)))

    @cached_property
    def posterior(self) -> Posterior:
        density = FlowDensity(self.flows, (len(self.flows), 1, self.stems.shape[1]))
        return Posterior((Scaled.of(density, range(len(self.flows)), len(self.flows), self.level),))

    def equal(self, share: float) -> Stems:
        """The same share of the mixture for every source."""
        return np.stack([share * self.mixture] * len(self.sources))

    def blind_nmf(self) -> Stems:
        """Its stems have no names: in the order that fits best."""
        mixture = Audio(self.mixture.astype(np.float32)[np.newaxis], RATE)
        found = sepkit.separate(mixture, "nmf", sources=self.sources)
        stems = [found[source].samples[0].astype(np.float64) for source in self.sources]
        return max(map(np.stack, permutations(stems)), key=lambda order: float(sdr(self.stems, order).sum()))

    def wiener_mdct(self) -> Stems:
        """By the mean spectra of the training data, in the transform of the flows: what they are without couplings."""
        powers, mdct = torch.stack([flow.log_power.exp() for flow in self.flows]), self.flows[0].mdct
        frames, rest = mdct(torch.from_numpy(self.mixture[np.newaxis]).float())
        shares = powers / powers.sum(0)
        return np.stack([mdct.inverse(frames * share, rest / 2)[0].double().numpy() for share in shares])

    def wiener_stft(self, window: int) -> Stems:
        """By the same spectra, in a Fourier transform."""
        powers = self._spectra(window // 2 + 1)
        return self._masked(window, (powers / powers.sum(axis=0))[:, :, np.newaxis])

    def ratio_mask(self, window: int) -> Stems:
        """By the true magnitudes."""
        magnitudes = np.abs(STFT(window, window // 4).forward(self.stems)) + 1e-12
        return self._masked(window, magnitudes / magnitudes.sum(axis=0))

    def sampled(self, start: Stems, **options: Any) -> Stems:
        """By Langevin sampling from a given start, as in `flow-sgld`."""
        config = FlowSGLDConfig(**{**SAMPLING, **options})
        mixture = torch.from_numpy(self.mixture / self.level).float()[None]
        (factor,) = self.posterior.factors
        powers = torch.from_numpy(self._spectra(mixture.shape[1] // 2 + 1) / factor.scale**2).float()
        target = Target(
            posterior=self.posterior,
            mixture=mixture,
            start=torch.from_numpy(start / self.level).float()[None, :, None].expand(config.chains, -1, -1, -1),
            project=lambda chains: chains + (mixture - chains.sum(-3)).unsqueeze(-3) / chains.shape[-3],
            powers=powers if config.precondition else None,
            known=torch.zeros(len(start), 1, 0),
        )
        chains = Annealing(target, config, torch.Generator().manual_seed(0)).sample(count())
        return self.level * chains.mean(0)[:, 0].double().numpy()

    def log_density(self, stems: Stems) -> float:
        """Nats per sample of the stems together, with the same noise each time."""
        noise = np.random.default_rng(0).standard_normal(stems.shape)
        value = torch.from_numpy(stems / self.level + SIGMA * noise).float().unsqueeze(1)
        return self.posterior.smoothed(SIGMA).log_prob(value) / stems.shape[1]

    def _spectra(self, bins: int) -> NDArray[np.float64]:
        """Of the training data, at the frequencies of a real Fourier transform [shape=(sources, bins)]."""
        powers = [flow.log_power.double().numpy() for flow in self.flows]
        at = np.linspace(0, len(powers[0]), bins) - 0.5
        return np.exp([np.interp(at, np.arange(len(power)), power) for power in powers])

    def _masked(self, window: int, masks: NDArray[np.float64]) -> Stems:
        stft = STFT(window, window // 4)
        return stft.inverse(masks * stft.forward(self.mixture), self.mixture.shape[-1]).astype(np.float64)


def sdr(stems: Stems, found: Stems) -> NDArray[np.float64]:
    """Plain signal-to-distortion ratios in dB [shape=(sources,)]."""
    ratios: NDArray[np.float64] = 10 * np.log10(np.sum(stems**2, axis=1) / np.sum((stems - found) ** 2, axis=1))
    return ratios


def si_sdr(stems: Stems, found: Stems) -> NDArray[np.float64]:
    """Scale-invariant ones."""
    gains = np.sum(stems * found, axis=1, keepdims=True) / np.sum(stems**2, axis=1, keepdims=True)
    return sdr(gains * stems, found)


def table(piece: Piece, chains: int) -> dict[str, Callable[[], Stems]]:
    """What is compared."""
    return {
        "mixture": lambda: piece.equal(1.0),
        "mixture / N": lambda: piece.equal(1 / len(piece.sources)),
        "nmf, blind, best order": piece.blind_nmf,
        "stationary Wiener, MDCT": piece.wiener_mdct,
        "stationary Wiener, STFT 1024": lambda: piece.wiener_stft(1024),
        "Langevin from Wiener, preconditioned": lambda: piece.sampled(
            piece.wiener_mdct(), chains=chains, precondition=True
        ),
        "Langevin from Wiener": lambda: piece.sampled(piece.wiener_mdct(), chains=chains),
        "Langevin from mixture / N": lambda: piece.sampled(piece.equal(1 / len(piece.sources)), chains=chains),
        "Langevin from the truth": lambda: piece.sampled(piece.stems, chains=chains),
        "ratio mask (oracle), STFT 1024": lambda: piece.ratio_mask(1024),
    }


def row(name: str, cells: Sequence[str]) -> None:
    """Print a line of a table at once: the next may take minutes."""
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--seconds", type=float, default=6.0, help="that are separated of each piece")
    parser.add_argument("--chains", type=int, default=4)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for source in RECORDINGS:
        if not (arguments.weights / source / "model.json").exists():
            arguments.weights.mkdir(parents=True, exist_ok=True)
            train(source, arguments.data, arguments.weights)
    for name, sources in PIECES.items():
        piece = Piece.read(arguments.data / name, sources, arguments.seconds, arguments.weights)
        print(f"\n{name}\n")
        row("", [*sources, "log density"])
        row("---", ["---"] * (len(sources) + 1))
        row("truth", [*[""] * len(sources), f"{piece.log_density(piece.stems):.3f}"])
        for method, separate in table(piece, arguments.chains).items():
            found = separate()
            ratios = zip(sdr(piece.stems, found), si_sdr(piece.stems, found), strict=True)
            cells = [f"{plain:.1f} / {invariant:.1f}" for plain, invariant in ratios]
            row(method, [*cells, f"{piece.log_density(found):.3f}"])


if __name__ == "__main__":
    main()
