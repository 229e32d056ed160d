"""What nussl makes of the same recordings, for `voices.py`; to be run where nussl 1.1.9 is installed::

    OMP_NUM_THREADS=1 python plugins/classical/benchmarks/peer.py TRACK [TRACK ...] -o DIR

Its methods run with their defaults. Writes the voice of every track and the seconds of processor time that it took.
"""

from __future__ import annotations

import argparse
import builtins
import json
import time
from pathlib import Path

import numpy as np
import soundfile


def methods() -> dict[str, type]:
    """Those of nussl, which uses names that NumPy has dropped."""
    for name in ("bool", "int", "float", "complex"):
        if name not in vars(np):
            setattr(np, name, getattr(builtins, name))
    from nussl.separation import factorization, primitive

    return {
        "nussl repet": primitive.Repet,
        "nussl repet-sim": primitive.RepetSim,
        "nussl ft2d": primitive.FT2D,
        "nussl rpca": factorization.RPCA,
    }


def main() -> None:
    """Write a folder for each method."""
    everything = methods()
    from nussl import AudioSignal

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    for name, method in everything.items():
        folder = given.output / name
        folder.mkdir(parents=True, exist_ok=True)
        seconds = {}
        for track in given.tracks:
            (file,) = track.glob("mixture.*")
            samples, rate = soundfile.read(file, always_2d=True)
            signal = AudioSignal(audio_data_array=samples.T, sample_rate=rate)
            began = time.process_time()
            parts = method(signal)()
            seconds[track.name] = time.process_time() - began
            # They give the background first.
            soundfile.write(folder / f"{track.name}.wav", np.asarray(parts[1].audio_data).T, rate, subtype="FLOAT")
            print(f"{name} {track.name} {seconds[track.name]:.1f} s", flush=True)
            (folder / "seconds.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    main()
