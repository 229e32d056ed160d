"""How well sources come apart that are panned to places of their own, in dB: a table for the README::

    OMP_NUM_THREADS=1 python plugins/classical/benchmarks/places.py TRACK [TRACK ...]

Each TRACK is a folder with ``stems/``; every stem gets one channel and is panned by level, the stems evenly from near
one side to near the other. Prints the mean SDR over all stems of a track; stems are found from left to right.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from voices import sdr_db

import sepkit

Array = NDArray[np.floating]


def main() -> None:
    """Print a row for each track."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", nargs="+", type=Path)
    given = parser.parse_args()
    print("| track | sources | mixture | `duet` | `projet` | ratio mask |\n| --- |" + " ---: |" * 5)
    for folder in given.tracks:
        rate, images = panned(folder)
        mixture = sepkit.Audio(np.sum([*images.values()], axis=0), rate)
        truth = {name: sepkit.Audio(image, rate) for name, image in images.items()}
        stems = [sepkit.separate(mixture, method, sources=[*images]) for method in ("duet", "projet")]
        stems.append(sepkit.separate(mixture, "ideal-ratio-mask", references=truth))
        rows = [dict.fromkeys(images, mixture.samples)] + [
            {name: one[name].samples for name in images} for one in stems
        ]
        print(
            f"| {folder.name} | {len(images)} | {' | '.join(f'{mean_db(row, images):.1f}' for row in rows)} |",
            flush=True,
        )


def panned(folder: Path) -> tuple[int, dict[str, Array]]:
    """Sample rate and the stems in stereo, from left to right as both methods order what they find."""
    stems = {file.stem: sepkit.Audio.read(file).mixdown() for file in sorted((folder / "stems").iterdir())}
    angles = np.pi / 2 * (np.arange(len(stems)) + 0.5) / len(stems)
    gains = np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, :, np.newaxis]
    images = {name: gain * stem.samples for gain, (name, stem) in zip(gains, stems.items(), strict=True)}
    return next(iter(stems.values())).sample_rate, {name: image.astype(np.float32) for name, image in images.items()}


def mean_db(stems: Mapping[str, Array], images: Mapping[str, Array]) -> float:
    """Mean SDR of the stems."""
    return float(np.mean([sdr_db(stems[name], image) for name, image in images.items()]))


if __name__ == "__main__":
    main()
