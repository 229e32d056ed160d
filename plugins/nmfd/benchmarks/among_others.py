"""How much of the drums of a song NMFD finds, with and without a first look at what is percussive::

    python plugins/nmfd/benchmarks/among_others.py HITS DRUMS TRACK [TRACK ...]

HITS has a folder of single hits for each drum; each TRACK is one with ``mixture.flac`` and ``stems/DRUMS.flac``. Prints
the SDR of all stems together in dB.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import sepkit


def main() -> None:
    """Print a row for each track."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hits", type=Path)
    parser.add_argument("drums")
    parser.add_argument("tracks", nargs="+", type=Path)
    given = parser.parse_args()
    hits = {folder.name: folder for folder in sorted(given.hits.iterdir()) if folder.is_dir()}
    for track in given.tracks:
        mixture = sepkit.Audio.read(track / "mixture.flac")
        truth = sepkit.Audio.read(track / "stems" / f"{given.drums}.flac").samples
        row = []
        for percussive in (False, True):
            stems = sepkit.separate(mixture, "nmfd", examples=hits, config={"percussive": percussive})
            row.append(sdr_db(np.sum([stem.samples for stem in stems.values()], axis=0), truth))
        row.append(sdr_db(sepkit.separate(mixture, "hpss")["percussive"].samples, truth))
        print(f"{track.name:24} default {row[0]:5.1f}  percussive {row[1]:5.1f}  hpss alone {row[2]:5.1f}")


def sdr_db(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Energy of the truth over that of the error."""
    return float(10 * np.log10(np.square(truth).sum() / np.square(truth - estimate).sum()))


if __name__ == "__main__":
    main()
