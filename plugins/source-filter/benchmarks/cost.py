"""What a separation of four voices costs: CPU seconds a second of audio, and the most memory, by length.

The voices are sums of partials with vibrato; how they sound does not change the cost. Every length runs in a process of
its own::

    python plugins/source-filter/benchmarks/cost.py 20 60
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import numpy as np

import sepkit

RATE = 16000
F0_HZ = (110.0, 174.6, 261.6, 392.0)


def main() -> None:
    """Measure one length, or print a row for each of several."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=int, nargs="+")
    lengths: list[int] = parser.parse_args().seconds
    if len(lengths) == 1:
        measure(lengths[0])
        return
    print("| length in s | CPU seconds a second | most memory in MB |\n| ---: | ---: | ---: |")
    for length in lengths:
        row = subprocess.run([sys.executable, __file__, str(length)], check=True, capture_output=True, text=True)
        print(row.stdout.strip(), flush=True)


def measure(length_s: int) -> None:
    """Print the row of one length."""
    time_s = np.arange(length_s * RATE) / RATE
    times_s = time_s[::160]
    voices, tracks = np.zeros(len(time_s)), {}
    for number, centre_hz in enumerate(F0_HZ):
        f0_hz = centre_hz * 2 ** (0.03 * np.sin(2 * np.pi * (5 + 0.3 * number) * time_s))
        phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
        voices += sum(np.sin(k * phase) / k for k in range(1, 11))
        tracks[f"voice {number}"] = sepkit.F0Track(times_s, f0_hz[::160])
    mixture = sepkit.Audio.mono((0.05 * voices).astype(np.float32), RATE)
    started = time.process_time()
    sepkit.separate(mixture, "source-filter", f0=tracks)
    cost = (time.process_time() - started) / length_s
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {length_s} | {cost:.2f} | {most_mb:.0f} |")


if __name__ == "__main__":
    main()
