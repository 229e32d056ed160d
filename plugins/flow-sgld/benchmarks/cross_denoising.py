"""Which prior finds which wave again in noise? The experiments of ``cross_likelihood.py`` for priors that only denoise.

    python cross_denoising.py --waves 5

One step of denoising, value plus sigma squared times the gradient, of fresh toy waves at the level that the priors have
learned, and of inputs that are no source. What noise leaves, as the error's energy over that of the noise, is what the
log density loses at a noise level (Guo, Shamai and Verdú, 2005): the less, the likelier. Prints the share of waves that
their own prior finds again best; for one noise level the mean of what every prior leaves of every wave's noise, in dB;
and the same of silence, a constant and white noise, beside the prior's own waves.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from denoising import LEVELS, bound, waves
from numpy.typing import NDArray

from sepkit.evaluation.datasets.toy import WAVES

SHOWN = (0.05, 0.5, 2.0)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prior", default="diffusion")
    parser.add_argument("--waves", type=int, default=5, help="of each kind")
    parser.add_argument("--seed", type=int, default=7020)
    given = parser.parse_args()
    torch.set_num_threads(1)
    inputs = {wave: waves(wave, given.waves, given.seed) for wave in WAVES}
    level = float(np.sqrt(np.mean([np.mean(clean**2) for clean in inputs.values()])))
    length = inputs["sine"].shape[-1]
    white = level * np.random.default_rng(given.seed).standard_normal((1, 1, 1, length))
    strangers = {
        "silence": np.zeros((1, 1, 1, length)),
        "a constant of the waves' level": np.full((1, 1, 1, length), level),
        "white noise of the waves' level": white,
    }
    priors = {wave: bound(given.prior, wave, length, None) for wave in WAVES}
    # [shape=(levels, priors, waves, items)]
    left = np.array(
        [[[remains(p, clean, at * level) for clean in inputs.values()] for p in priors.values()] for at in LEVELS]
    )
    right = (left.argmin(1) == np.arange(len(WAVES))[:, np.newaxis]).mean((1, 2))
    print(f"| noise | {' | '.join(f'{at:g}' for at in LEVELS)} |\n| --- {'| ---: ' * len(LEVELS)}|")
    print(f"| told right | {' | '.join(f'{share:.0%}' for share in right)} |")
    for at in SHOWN:
        print(f"\nNoise {at:g}:\n\n| prior | {' | '.join((*WAVES, *strangers))} |\n| --- {'| ---: ' * 7}|")
        for row, (name, prior) in enumerate(priors.items()):
            cells = [
                *left[LEVELS.index(at), row].mean(1),
                *(remains(prior, x, at * level)[0] for x in strangers.values()),
            ]
            print(f"| {name} | {' | '.join(f'{cell:.0f}' for cell in cells)} |", flush=True)


def remains(prior: object, clean: NDArray[np.float64], sigma: float) -> list[float]:
    """What one step of denoising leaves, in dB of the noise, of every input."""
    density = prior.smoothed(sigma)  # type: ignore[attr-defined]
    errors = []
    for index, value in enumerate(clean):
        noisy = value + sigma * np.random.default_rng(index).standard_normal(value.shape)
        error = noisy + sigma**2 * density.gradient(noisy) - value
        errors.append(10 * float(np.log10(np.mean(error**2) / sigma**2)))
    return errors


if __name__ == "__main__":
    main()
