"""A frozen host, as PyInstaller or Nuitka make it: no distributions are installed, so there are no entry points.

Such a host imports the hook modules of its plugins by itself, which is also how its bundler learns of them, and hands
them to a `Registry`. Methods of its own need no package at all: a spec can point into the running script. (A bundler
does not see what import strings name: list ``sepkit_nmf.separator`` and ``sepkit_nmf.config`` as hidden imports.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

import sepkit
import sepkit_nmf.plugin
from sepkit import Audio, Config, Problem, Registry, Run, Separator, example
from sepkit.evaluation import evaluate
from sepkit.plugin import SeparatorSpec
from sepkit.spectral import STFT, soft_masks


class MedianConfig(Config):
    """Options of separation by medians."""

    width: int = Field(default=17, ge=3, le=99, description="Frames, and as many bins, that a median looks at.")


class Median(Separator[MedianConfig]):
    """Tones are smooth along time, drums along frequency: medians along each tell them apart.

    FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        from scipy.ndimage import median_filter

        samples, rate = problem.mixture.samples[0], problem.mixture.sample_rate
        stft = STFT.of_duration(0.046, 4, rate)
        magnitude = stft.magnitude(samples)
        smoothed = []
        for axis in run.steps(2, "medians"):  # Also reports progress, and stops here when the host asks for it.
            size = [self.config.width, 1] if axis else [1, self.config.width]
            smoothed.append(median_filter(magnitude, size))
        shares = np.stack(smoothed)

        def masks(block: slice) -> NDArray[np.floating]:
            return soft_masks(shares[..., block], exponent=2)

        stems = stft.filter(samples, masks, 2)
        return {name: Audio(stem[np.newaxis], rate) for name, stem in zip(problem.sources, stems, strict=True)}


if __name__ == "__main__":
    registry = Registry(plugins=[sepkit_nmf.plugin])
    registry.add(
        SeparatorSpec(
            name="median",
            summary="tones and drums by medians along time and frequency",
            factory="__main__:Median",
            config="__main__:MedianConfig",
            sources=("tones", "drums"),
            channels=1,
        )
    )
    print(f"methods: {', '.join(n for n, spec in registry.separators.items() if 'yardstick' not in spec.traits)}")

    piece = example.load()
    rate = piece.mixture.sample_rate
    mixture, drums = (Audio(audio.samples[:, : 4 * rate], rate) for audio in (piece.mixture, piece.stems["drums"]))
    methods: dict[str, dict[str, Any]] = {
        "nmf": {"iterations": 30},
        "median": {"width": 31},
    }
    for name, config in methods.items():
        examples = piece.training if "examples" in registry.separator(name).uses else {}
        separation = sepkit.separate(mixture, name, config=config, examples=examples, registry=registry)
        origin = separation.provenance.plugin["name"] or "the host itself"
        guesses = ({"drums": mixture}, {"drums": separation["drums"]})
        given: dict[str, Any] = {"metrics": ["sdr"], "registry": registry}
        before, after = (evaluate(guess, {"drums": drums}, **given).values["SDR"]["drums"] for guess in guesses)
        print(f"{name}, from {origin}: drums SDR {before:.1f} dB -> {after:.1f} dB")
