"""Time and memory of Hybrid Transformer Demucs with a network of the published size, drawn at random::

OMP_NUM_THREADS=1 python plugins/demucs/benchmarks/cost.py --seconds 30
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import safetensors.torch
from demucs.htdemucs import HTDemucs

import sepkit

RATE = 44100
SIZES = {"sources": ["drums", "bass", "other", "vocals"], "bottom_channels": 512, "dconv_mode": 3, "segment": 7.8}
"""Where the published network differs from the defaults of the package."""


def main() -> None:
    """Print seconds of processor time for each second of stereo, and the peak of memory in gigabytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    samples = np.random.default_rng(0).standard_normal((2, round(given.seconds * RATE)), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        state = {name: tensor.half().contiguous() for name, tensor in HTDemucs(**SIZES).state_dict().items()}
        metadata = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": json.dumps(SIZES)}
        safetensors.torch.save_file(state, Path(folder, "drawn.safetensors"), metadata)
        size = Path(folder, "drawn.safetensors").stat().st_size
        method = sepkit.Method("demucs", weights=Path(folder))
        method.separate(sepkit.Audio(0.1 * samples[:, :RATE], RATE))
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        method.separate(sepkit.Audio(0.1 * samples, RATE))
    seconds, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{size / 1e6:.1f} MB of weights, {given.seconds:g} s: {seconds / given.seconds:.2f} s for each second, peak "
        f"{peak / 1e6:.2f} GB, {before / 1e6:.2f} GB of them after one second"
    )


if __name__ == "__main__":
    main()
