"""One step of denoising of single toy waves, by any prior: the quickest measure of whether it can guide a sampler.

    python denoising.py flow diffusion --waves 4 --score

Waves of one second get noise whose level is relative to their own, and one step of denoising: the value plus sigma
squared times the prior's gradient. Prints the SDR in dB that is reached, as the mean over the four kinds and
``--waves`` fresh waves of each, beside the noisy wave and the exact density of the toy waveforms. With ``--score``
also how the gradient differs from the exact one: the cosine between them, and its length and that of their difference
over that of the exact one, in medians. ``--weights NAME=FOLDER`` gives a prior other weights than those it brings.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit import Audio, Domain, Layout, Registry, SideInformation
from sepkit.evaluation.datasets.toy import WAVES, ToyWaveforms
from sepkit_flow_sgld.toy_oracle import ToyOracle

LEVELS = (0.004, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
EXACT = "the exact density"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("priors", nargs="*", help="names of priors on waveforms, beside the exact density")
    parser.add_argument("--waves", type=int, default=4, help="of each kind")
    parser.add_argument("--seed", type=int, default=7003)
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--score", action="store_true", help="compare gradients as well")
    parser.add_argument("--kinds", action="store_true", help="a row for every kind of wave as well")
    given = parser.parse_args()
    torch.set_num_threads(1)
    weights = dict(entry.split("=", 1) for entry in given.weights)
    rows = {
        name: {wave: np.zeros((len(LEVELS), given.waves)) for wave in WAVES}
        for name in ("the noisy wave", *given.priors, EXACT)
    }
    scores = {name: np.zeros((3, len(LEVELS), len(WAVES) * given.waves)) for name in given.priors}
    for number, wave in enumerate(WAVES):
        clean = waves(wave, given.waves, given.seed)
        densities = {name: bound(name, wave, clean.shape[-1], weights.get(name)) for name in (*given.priors, EXACT)}
        for place, level in enumerate(LEVELS):
            for index, (noisy, sigma) in enumerate(noised(clean, level)):
                rows["the noisy wave"][wave][place, index] = sdr(clean[index], noisy)
                # float64, in which the exact density computes: its gradient is what others are measured by.
                found = {name: density.smoothed(sigma).gradient(noisy) for name, density in densities.items()}
                for name, gradient in found.items():
                    rows[name][wave][place, index] = sdr(clean[index], noisy + sigma**2 * gradient)
                for name in given.priors:
                    scores[name][:, place, number * given.waves + index] = compared(found[name], found[EXACT])
    print(f"| SDR in dB at noise | {' | '.join(f'{level:g}' for level in LEVELS)} |")
    print(f"| --- {'| ---: ' * len(LEVELS)}|")
    for name, kinds in rows.items():
        print_row(name, np.mean([values.mean(1) for values in kinds.values()], axis=0), 0)
        for wave in WAVES if given.kinds else ():
            print_row(f"{name}, {wave}", kinds[wave].mean(1), 0)
    if given.score:
        print(f"\n| gradient at noise | {' | '.join(f'{level:g}' for level in LEVELS)} |")
        print(f"| --- {'| ---: ' * len(LEVELS)}|")
        for name, table in scores.items():
            for what, values in zip(("cosine", "length", "error"), np.median(table, axis=2), strict=True):
                print_row(f"{name}: {what}", values, 3)


def compared(learned: NDArray[np.float64], exact: NDArray[np.float64]) -> tuple[float, float, float]:
    """Cosine between two gradients, and the lengths of the first and of their difference over that of the second."""
    length = float(np.linalg.norm(exact))
    size = float(np.linalg.norm(learned))
    cosine = float(np.vdot(learned, exact)) / (size * length)
    return cosine, size / length, float(np.linalg.norm(learned - exact)) / length


def print_row(name: str, values: NDArray[Any], digits: int) -> None:
    """A row of a table in Markdown."""
    print(f"| {name} | {' | '.join(f'{value:.{digits}f}' for value in values)} |", flush=True)


def waves(kind: Any, count: int, seed: int) -> NDArray[np.float64]:
    """Fresh waves [shape=(count, 1, 1, samples)], as values of a density of one source."""
    data = ToyWaveforms(count=count, seed=seed)
    return np.stack([data.stem(item, kind).samples[np.newaxis] for item in range(count)]).astype(np.float64)


def noised(clean: NDArray[np.float64], level: float) -> Iterator[tuple[NDArray[np.float64], float]]:
    """Every wave with noise, and the noise's standard deviation; the same noise for every prior."""
    for index, wave in enumerate(clean):
        sigma = level * float(np.sqrt(np.mean(wave**2)))
        yield wave + sigma * np.random.default_rng([index, round(1e4 * level)]).standard_normal(wave.shape), sigma


def bound(name: str, wave: str, length: int, weights: str | None) -> Any:
    """The density of one kind of wave under a prior."""
    empty = Audio(np.zeros((1, length), np.float32), ToyWaveforms().sample_rate)
    layout = Layout(mixture=empty, side_information=SideInformation(), sources=(wave,))
    if name == EXACT:
        # The dataset's waves have a quarter of the amplitude that a wave has alone.
        prior: Any = ToyOracle(amplitude=0.9 / len(WAVES), deviation=0.0577 / len(WAVES), noise=1e-4)
    else:
        prior = Registry.discover().prior(name).load()(**({"weights": weights} if weights else {}))
    return prior.bind(layout, Domain.WAVEFORMS)


def sdr(wanted: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Signal-to-distortion ratio in dB."""
    return 10 * float(np.log10(np.sum(wanted**2) / np.sum((wanted - found) ** 2)))


if __name__ == "__main__":
    main()
