"""Separation of toy waveforms: improvement of SI-SDR over the mixture, for every ingredient of the sampler.

Run with ``python toy_separation.py --count 20``; ``--oracle`` takes the exact densities instead of the flows,
``--prior diffusion`` the denoisers, ``--weights DIR`` other weights. ``--together 2`` mixes every two of ``--sources``
in turn, in place of all of them. Mixtures have another seed than what is trained on. Prints a table in Markdown, whose
figures are means over a mixture's stems; solved are mixtures that improve by more than 10 dB, and seconds are those of
a processor. ``--stems FILE`` also writes a row for every stem, of what its chains agree to and what its SDR is, for
``agreement.py``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from itertools import combinations, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

import sepkit
from sepkit.evaluation.datasets.toy import ToyWaveforms
from sepkit_flow_sgld.toy_oracle import ToyOracle

NOISE = {"start": "noise", "levels": 10, "highest": 0.75, "lowest": 0.015, "steps": 30}
DOWN = {"start": "noise", "levels": 24, "highest": 15.0, "lowest": 0.004, "steps": 1, "chains": 6}
GIBBS = {**DOWN, "sampler": "gibbs", "jitter": 0.5}
LANGEVIN = {**DOWN, "steps": 4}
NAIVE = {**NOISE, "chains": 1, "levels": 1, "lowest": 0.1, "steps": 300, "mixture": "gaussian", "denoise": False}
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "naive": NAIVE,
    "naive, annealed": {**NOISE, "chains": 1, "mixture": "gaussian", "denoise": False},
    "noise": NOISE,
    "noise, higher": {**NOISE, "highest": 3.0, "levels": 14},
    "noise, gaussian": {**NOISE, "mixture": "gaussian"},
    "noise, one chain": {**NOISE, "chains": 1},
    "periodic, gaussian": {"mixture": "gaussian"},
    "periodic, one chain": {"chains": 1},
    "periodic, mean": {"select": "mean"},
    "periodic, not denoised": {"denoise": False},
    "periodic, hardly sampled": {"levels": 1, "steps": 1},
    "gibbs": GIBBS,
    "gibbs, one chain": {**GIBBS, "chains": 1},
    "gibbs, mean": {**GIBBS, "select": "mean"},
    "gibbs, no jitter": {**GIBBS, "jitter": 0.0},
    "gibbs, no exchange": {**GIBBS, "exchange": 0},
    "gibbs, half the levels": {**GIBBS, "levels": 12},
    "langevin": LANGEVIN,
    "langevin, one chain": {**LANGEVIN, "chains": 1},
    "langevin, snr": {**LANGEVIN, "snr": 0.3},
    "langevin, predictor": {**LANGEVIN, "predict": True},
    "langevin, dirac": {**LANGEVIN, "mixture": "dirac"},
    "langevin, gaussian": {**LANGEVIN, "mixture": "gaussian"},
}
"""Ingredients taken away one by one, from chains that start in noise and from chains that start periodic."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--sources", default="sine,square,saw,triangle")
    parser.add_argument("--together", type=int, help="how many of the sources are in a mixture, by default all")
    parser.add_argument("--settings", default=";".join(SETTINGS))
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--prior", help="the name of another prior, in place of the flows")
    parser.add_argument("--weights")
    parser.add_argument("--stems", type=Path)
    parser.add_argument("--seed", type=int, default=2020)
    arguments = parser.parse_args()
    priors = [ToyOracle()] if arguments.oracle else []
    if arguments.prior:
        options = {"weights": arguments.weights} if arguments.weights else {}
        priors, arguments.weights = [sepkit.Registry.discover().prior(arguments.prior).load()(**options)], None
    sources = arguments.sources.split(",")
    together = arguments.together or len(sources)
    print("| setting | solved | median improvement, dB | mean | least | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for name in arguments.settings.split(";"):
        method = sepkit.Method("flow-sgld", config=SETTINGS[name], weights=arguments.weights)
        started, gains = time.process_time(), []
        for item, stems in enumerate(mixtures(sources, together, arguments.count, arguments.seed)):
            mixture = sepkit.Audio(
                np.sum([stem.samples for stem in stems.values()], axis=0), ToyWaveforms().sample_rate
            )
            result = method.separate(mixture, sources=list(stems), priors=priors, seed=item)
            if arguments.stems:
                with arguments.stems.open("a", encoding="utf-8") as file:
                    for source, stem in stems.items():
                        truth = sdr(result[source], stem)
                        print(
                            f"{together} waves\t{item}\t{source}\t{result.provenance.agreement_db[source]}\t{truth}",
                            file=file,
                        )
            found = [si_sdr(result[source], stem) for source, stem in stems.items()]
            gains.append(np.mean(found) - np.mean([si_sdr(mixture, stem) for stem in stems.values()]))
        seconds = (time.process_time() - started) / len(gains)
        solved = f"{sum(gain > 10 for gain in gains)} of {len(gains)}"
        figures = [f"{figure:.1f}" for figure in (np.median(gains), np.mean(gains), np.min(gains), seconds)]
        print(f"| {' | '.join([name, solved, *figures])} |", flush=True)


def mixtures(sources: Sequence[Any], together: int, count: int, seed: int) -> Iterator[dict[str, sepkit.Audio]]:
    """Stems of fresh mixtures, of every combination of so many sources in turn."""
    for item, kinds in enumerate(islice(cycle(combinations(sources, together)), count)):
        data = ToyWaveforms(count=item + 1, seed=seed, sources=kinds)
        yield {kind: data.stem(item, kind) for kind in kinds}


def sdr(estimate: sepkit.Audio, reference: sepkit.Audio) -> float:
    """Signal-to-distortion ratio in dB."""
    wanted = reference.samples.astype(np.float64)
    error = estimate.samples - wanted
    return 10 * float(np.log10(np.sum(wanted**2) / np.maximum(np.sum(error**2), 1e-20)))


def si_sdr(estimate: sepkit.Audio, reference: sepkit.Audio) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, no less than -30."""
    wanted = reference.samples.astype(np.float64).ravel()
    found = estimate.samples.astype(np.float64).ravel()
    target = (found @ wanted) / (wanted @ wanted) * wanted
    error = found - target
    return max(-30.0, 10 * float(np.log10(target @ target / np.maximum(error @ error, 1e-20))))


if __name__ == "__main__":
    main()
