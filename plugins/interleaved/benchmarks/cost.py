"""What a separation costs: weights, seconds of one thread's processor time, and memory.

::

    python plugins/interleaved/benchmarks/cost.py sizes                 # networks alone, shared and independent
    python plugins/interleaved/benchmarks/cost.py length --minutes 60   # of noise, with the weights that ship

Seconds of networks are the median of several runs over 30 s of stereo at 44.1 kHz. Memory is the most that the process
held of its own, and so neither code nor what is mapped from temporary files.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

import sepkit
from sepkit import Audio, large
from sepkit.evaluation.benchmarking.memory import OwnMemory
from sepkit.spectral import STFT
from sepkit_interleaved.config import NetworkOptions, SizeName
from sepkit_interleaved.network import Network, count, draw
from sepkit_interleaved.sizes import Plan

TARGETS = ("drums", "bass", "vocals", "other")
SECONDS = 30
RATE = 44_100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sizes", "length"])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--channels", type=int, default=2)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--sources", default="")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.what == "sizes":
        print("| size | targets | weights, shared | independent | | seconds, shared | independent | |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        sizes: tuple[SizeName, ...] = ("full", "small")
        for size in sizes:
            print(row(size))
        return
    samples = large.empty((arguments.channels, round(60 * arguments.minutes * arguments.rate)))
    rng = np.random.default_rng(0)
    for span in large.spans(samples.shape[1]):
        samples[:, span] = 0.1 * rng.standard_normal(samples[:, span].shape, np.float32)
    started = time.process_time()
    names = [name for name in arguments.sources.split(",") if name]
    with OwnMemory() as own:
        sepkit.separate(Audio(samples, arguments.rate), "interleaved", sources=names, device="cpu")
    seconds = time.process_time() - started
    given = f"{arguments.minutes:g} min, {arguments.channels} channels, {arguments.rate} Hz"
    grown = "unknown" if own.peak is None else f"{own.peak / (1 << 30):.2f} GiB"
    print(f"{given}: {seconds:.1f} s, {grown}")


@torch.no_grad()
def row(size: SizeName) -> str:
    """A row of the table of networks."""
    plan = Plan.of(NetworkOptions(size=size), RATE)
    network = Network(plan, TARGETS).eval()
    draw(network, torch.Generator().manual_seed(0))
    shape = (
        1,
        plan.size.channels,
        STFT(plan.stft.window_length, plan.stft.hop).frames(SECONDS * RATE),
        len(plan.heard),
    )
    heard = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    shared_s = median_s(lambda: network(heard))
    independent_s = median_s(lambda: [network(heard, [target]) for target in TARGETS])
    shared, alone = count(network), count(network.encoder) + count(network.decoder(TARGETS[0]))
    independent = len(TARGETS) * alone
    return (
        f"| {size} | {len(TARGETS)} | {shared:,} | {independent:,} | {shared / independent:.1%} | {shared_s:.2f} | "
        f"{independent_s:.2f} | {shared_s / independent_s:.1%} |"
    )


def median_s(work: object) -> float:
    """Processor seconds of one of several runs."""
    assert callable(work)
    taken = []
    for _ in range(5):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
