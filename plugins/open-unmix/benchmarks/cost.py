"""Time and memory of Open-Unmix with networks of the published sizes, drawn at random: neither depends on the weights::

OMP_NUM_THREADS=1 python plugins/open-unmix/benchmarks/cost.py --seconds 60 --hidden 512
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import sepkit
from sepkit_open_unmix.network import Sizes, TargetNetwork

RATE = 44100


def main() -> None:
    """Print seconds of processor time for each second of stereo, and the peak of memory in gigabytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hidden", type=int, default=512, help="512 as umx and umxhq, 1024 as umxl")
    parser.add_argument("--iterations", type=int, default=1)
    given = parser.parse_args()
    samples = np.random.default_rng(0).standard_normal((2, round(given.seconds * RATE)), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        for source in ("vocals", "drums", "bass", "other"):
            torch.save(drawn(given.hidden), Path(folder, f"{source}.pth"))
        method = sepkit.Method("open-unmix", weights=folder, config={"iterations": given.iterations})
        method.separate(sepkit.Audio(0.1 * samples[:, :RATE], RATE))
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        method.separate(sepkit.Audio(0.1 * samples, RATE))
    seconds, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    each = seconds / given.seconds
    print(
        f"{given.seconds:g} s, {given.hidden} units, {given.iterations} iterations: {each:.2f} s for each second, peak "
        f"{peak / 1e6:.2f} GB, {before / 1e6:.2f} GB of them after one second"
    )


def drawn(hidden: int) -> dict[str, torch.Tensor]:
    """A state dict whose masks are near a fourth."""
    state = TargetNetwork(Sizes(bins=2049, heard=1487, channels=2, hidden=hidden, layers=3)).state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point() and not name.startswith("bn"):
            tensor.copy_(0.02 * torch.randn(tensor.shape))
    state["output_mean"].fill_(0.25)
    return state


if __name__ == "__main__":
    main()
