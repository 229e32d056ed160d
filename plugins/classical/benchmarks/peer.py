"""A method of nussl on some recordings, for `peers.py`; to be run where nussl 1.1.9 is installed::

    OMP_NUM_THREADS=1 python plugins/classical/benchmarks/peer.py METHOD FILE [FILE ...] -o DIR [--count N]

Its methods run with their defaults. Writes for every file the stems as ``DIR/<file>-<number>.wav``, and in
``seconds.json`` the processor time that each took.
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
    from nussl.separation import factorization, primitive, spatial

    return {
        "repet": primitive.Repet,
        "repet-sim": primitive.RepetSim,
        "ft2d": primitive.FT2D,
        "rpca": factorization.RPCA,
        "hpss": primitive.HPSS,
        "duet": spatial.Duet,
        "projet": spatial.Projet,
    }


def main() -> None:
    """Write stems and times."""
    everything = methods()
    import torch
    from nussl import AudioSignal

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=everything)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--count", type=int)
    given = parser.parse_args()
    more = {} if given.count is None else {"num_sources": given.count}
    seconds = {}
    for file in (given.files[0], *given.files):
        samples, rate = soundfile.read(file, always_2d=True)
        # What is imported and compiled on first use is so on a few seconds.
        samples = samples if seconds else samples[: 4 * rate]
        signal = AudioSignal(audio_data_array=samples.T, sample_rate=rate)
        began = time.process_time()
        stems = everything[given.method](signal, **more)()
        seconds[file.stem] = time.process_time() - began
        for number, stem in enumerate(stems):
            soundfile.write(given.output / f"{file.stem}-{number}.wav", stem.audio_data.T, rate, subtype="FLOAT")
    (given.output / "seconds.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    main()
