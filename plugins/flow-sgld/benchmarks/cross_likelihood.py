"""Can flows tell the sources apart? Every source under every prior, without noise and with ever more of it.

    python cross_likelihood.py results --tracks 50 --seed 1000

The experiments of Frank and Ilse, "Problems using deep generative models for probabilistic audio source separation",
2020, on fresh toy waveforms: the log density of each source under each prior, compared at equal noise and with all
log-determinants; how it falls as noise is added; and what the priors make of inputs that are no source at all. Writes
``cross_likelihood.md`` and pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit import Audio, Domain, Layout, SideInformation
from sepkit.evaluation.datasets.toy import WAVES, ToyWaveforms
from sepkit_flow_sgld.density import FlowDensity
from sepkit_flow_sgld.prior import FlowPrior

LEVELS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Standard deviations of the noise, over that of the stems."""


@dataclass(frozen=True)
class Priors:
    """The flow of every source by itself.

    Attributes
    ----------
    densities : list of FlowDensity
    rms : float
        Of the stems that they have learned from.
    """

    densities: list[FlowDensity]

    @classmethod
    def of_toys(cls, weights: Path | None, sample_rate: int) -> Priors:
        """Those of the four toy waveforms."""
        mixture, side = Audio(np.zeros((1, 1), np.float32), sample_rate), SideInformation()
        layouts = [Layout(mixture=mixture, side_information=side, sources=(wave,)) for wave in WAVES]
        bound = [FlowPrior(weights=weights).bind(layout, Domain.WAVEFORMS) for layout in layouts]
        return cls([density for density in bound if isinstance(density, FlowDensity)])

    @property
    def rms(self) -> float:
        return float(np.sqrt(np.mean([density.power for density in self.densities])))

    def log_probs(self, waveforms: NDArray[np.float32], sigma: float) -> NDArray[np.float64]:
        """Nats per sample under every prior, at one noise level for all [shape=(priors, waveforms)].

        Waveforms without noise are measured at the lowest level that all priors have learned.
        """
        sigma = max(sigma, *(density.lowest for density in self.densities))
        value = waveforms[:, np.newaxis, np.newaxis]
        # One waveform at a time: the networks' intermediate values then fit the processor's cache.
        nats = [[float(density.smoothed(sigma).log_prob(one)) for one in value] for density in self.densities]
        per_sample: NDArray[np.float64] = np.array(nats) / waveforms.shape[-1]
        return per_sample


def stems_of(tracks: int, seed: int, duration_s: float, sample_rate: int) -> NDArray[np.float32]:
    """Waves of every kind [shape=(waves, tracks, samples)]."""
    dataset = ToyWaveforms(count=tracks, seed=seed, duration_s=duration_s, sample_rate=sample_rate)
    return np.stack([[track.load_stems()[wave].samples[0] for track in dataset.tracks()] for wave in WAVES])


def cross_likelihoods(priors: Priors, stems: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Nats per sample [shape=(levels, priors, waves, tracks)]."""
    noise = np.random.default_rng(seed).standard_normal(stems.shape).astype(np.float32)
    sigmas = [level * priors.rms for level in LEVELS]
    return np.stack(
        [[priors.log_probs(wave, sigma) for wave in stems + np.float32(sigma) * noise] for sigma in sigmas]
    ).swapaxes(1, 2)


def strangers(priors: Priors, length: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Nats per sample of inputs that are no source, by what they are [shape=(levels, priors)]."""
    rng = np.random.default_rng(seed)
    plain = {
        "silence": np.zeros(length),
        "constant of the stems' rms": np.full(length, priors.rms),
        "constant 1": np.ones(length),
        "white noise of the stems' rms": priors.rms * rng.standard_normal(length),
    }
    noise = rng.standard_normal(length)
    return {
        name: np.stack(
            [
                priors.log_probs(
                    (signal + level * priors.rms * noise)[np.newaxis].astype(np.float32), level * priors.rms
                )[:, 0]
                for level in LEVELS
            ]
        )
        for name, signal in plain.items()
    }


def report(table: NDArray[np.float64], others: dict[str, NDArray[np.float64]], what: str) -> str:
    """The tables as Markdown."""
    lines = ["# Every source under every prior", "", what, ""]
    for level, cells in zip(LEVELS, table, strict=True):
        own = cells.argmax(0) == np.arange(len(WAVES))[:, np.newaxis]
        means = cells.mean(-1)
        dominant = bool((means.argmax(0) == np.arange(len(WAVES))).all())
        lines += [
            f"## Noise {level:g} times the stems' rms",
            "",
            f"Likeliest under its own prior: {own.mean():.0%} of the stems "
            f"({', '.join(f'{wave} {share:.0%}' for wave, share in zip(WAVES, own.mean(1), strict=True))}); "
            f"in the mean {'every' if dominant else 'not every'} source.",
            "",
            *_markdown(["prior", *WAVES], [[wave, *row] for wave, row in zip(WAVES, means, strict=True)]),
            "",
        ]
    lines += ["## What is no source", "", "Under each prior, against its own source's mean, at equal noise.", ""]
    diagonal = table.mean(-1)[:, np.arange(len(WAVES)), np.arange(len(WAVES))]
    for index, level in enumerate(LEVELS):
        rows = [["its own source", *diagonal[index]], *([name, *cells[index]] for name, cells in others.items())]
        lines += [f"Noise {level:g} times the stems' rms:", "", *_markdown(["input", *WAVES], rows), ""]
    return "\n".join(lines)


def _markdown(head: list[str], rows: list[list[object]]) -> list[str]:
    cells = [
        head,
        ["---"] * len(head),
        *([f"{c:.3f}" if isinstance(c, float) else str(c) for c in row] for row in rows),
    ]
    return [f"| {' | '.join(row)} |" for row in cells]


def draw(table: NDArray[np.float64], others: dict[str, NDArray[np.float64]], folder: Path) -> None:
    """Pictures: log density against noise, of sources and of what is none, and the tables as matrices."""
    from matplotlib.figure import Figure

    means = table.mean(-1)
    own = means[:, np.arange(len(WAVES)), np.arange(len(WAVES))]
    under = {f"under {prior}": means[:, row] - own for row, prior in enumerate(WAVES)}
    _draw_by_noise(under, WAVES, folder / "likelihood_by_noise.png")
    panels = [f"under {prior}" for prior in WAVES]
    _draw_by_noise({name: cells - own for name, cells in others.items()}, panels, folder / "strangers_by_noise.png")
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    for axes, level, cells in zip(figure.subplots(2, len(LEVELS) // 2).flat, LEVELS, means, strict=True):
        axes.imshow(np.maximum(cells - cells.max(0), -1), cmap="viridis", vmin=-1, vmax=0)
        axes.set(title=f"noise {level:g}", xticks=range(len(WAVES)), yticks=range(len(WAVES)))
        axes.set_xticklabels(WAVES, rotation=45)
        axes.set_yticklabels(WAVES)
        for row, column in np.ndindex(cells.shape):
            color = "black" if cells[row, column] > cells[:, column].max() - 0.5 else "white"
            axes.text(column, row, f"{cells[row, column]:.3g}", ha="center", va="center", color=color, fontsize=7)
    figure.supylabel("prior")
    figure.supxlabel("source")
    figure.savefig(folder / "cross_likelihood.png", dpi=120)


def _draw_by_noise(curves: dict[str, NDArray[np.float64]], panels: Sequence[str], file: Path) -> None:
    """One panel for every column of the curves [shape=(levels, panels)]."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 3.4), layout="constrained")
    for column, axes in enumerate(figure.subplots(1, len(panels))):
        for name, values in curves.items():
            axes.plot(LEVELS[1:], values[1:, column], "o-", label=name, ms=3)
        axes.axhline(0, color="gray", lw=0.5)
        axes.set(title=panels[column], xscale="log", xlabel="noise / rms of the stems")
        axes.set_yscale("symlog", linthresh=0.01)
    figure.supylabel("nats per sample,\nless own source under own prior", fontsize=9)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    figure.savefig(file, dpi=120)


def main() -> None:
    """Measure, write, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="folder for the report and the pictures")
    parser.add_argument("--weights", type=Path, help="folder of the flows' weights; by default those of the plugin")
    parser.add_argument("--tracks", type=int, default=50, help="fresh waves of each kind")
    parser.add_argument("--seed", type=int, default=1000, help="of the waves; the weights were trained on seed 0")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a wave")
    parser.add_argument("--sample-rate", type=int, default=14700, help="in Hz")
    given = parser.parse_args()
    priors = Priors.of_toys(given.weights, given.sample_rate)
    stems = stems_of(given.tracks, given.seed, given.seconds, given.sample_rate)
    table = cross_likelihoods(priors, stems, given.seed)
    others = strangers(priors, stems.shape[-1], given.seed)
    what = (
        f"Mean log density in nats per sample of {given.tracks} fresh waves of each kind, {given.seconds:g} s long "
        f"(seed {given.seed}): columns are sources, rows are priors. Compare within a column."
    )
    given.output.mkdir(parents=True, exist_ok=True)
    text = report(table, others, what)
    (given.output / "cross_likelihood.md").write_text(text + "\n", encoding="utf-8")
    draw(table, others, given.output)
    print(text)


if __name__ == "__main__":
    main()
