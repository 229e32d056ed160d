"""Whether settings were fitted to the tracks that they are measured on::

    OMP_NUM_THREADS=1 python plugins/classical/benchmarks/leave_out.py METHOD TRACK [TRACK ...] --option NAME=A,B ...

Separates every TRACK, a folder as of `voices.py`, with every combination of values. Prints the mean SDR of the voice in
dB with the defaults, with the combination that is best on all tracks, and where each track has the combination that is
best on the others: were settings a matter of the tracks, the last would be lower.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
from voices import Track

import sepkit


def main() -> None:
    """Print a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method")
    parser.add_argument("tracks", nargs="+", type=Path)
    parser.add_argument("--option", action="append", required=True)
    given = parser.parse_args()
    tracks = [Track(folder) for folder in given.tracks]
    values = {name: json.loads(f"[{several}]") for name, _, several in (one.partition("=") for one in given.option)}
    settings = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    default = voice_db(tracks, given.method, {})
    found = np.array([voice_db(tracks, given.method, setting) for setting in settings])
    best = int(found.mean(axis=1).argmax())
    # That of the others is the sum of all without one's own.
    by_others = (found.sum(axis=1, keepdims=True) - found).argmax(axis=0)
    left_out = found[by_others, np.arange(len(tracks))]
    print(f"{given.method}, {len(settings)} settings of {', '.join(values)}: default {default.mean():.2f}, ", end="")
    print(f"best in hindsight {found[best].mean():.2f} ({settings[best]}), chosen on the others {left_out.mean():.2f}")


def voice_db(tracks: list[Track], method: str, config: dict[str, object]) -> np.ndarray:
    """SDR of the voice on every track."""
    stems = (sepkit.separate(track.mixture, method, config=config)["vocals"] for track in tracks)
    return np.array([track.figures(voice.samples)[0] for track, voice in zip(tracks, stems, strict=True)])


if __name__ == "__main__":
    main()
