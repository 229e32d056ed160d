"""What `sepkit list` costs, beside the imports that no command line with plugins can do without.

    python benchmarks/listing.py [--pairs 15]

Whole processes take turns, `sepkit list` and ``python -c "import click, pluggy"``; of each the processor time of user
and system counts, which other programs on the machine disturb less than the clock on the wall. Bytecode is written, as
installers do. Printed are the medians and that of the ratios within pairs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

LIST = ["-m", "sepkit", "list"]
IMPORTS = ["-c", "import click, pluggy"]


def processor_s(arguments: list[str]) -> float:
    """Seconds of processor time that a process of Python takes, from its start to its end."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [sys.executable, *arguments], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=15)
    pairs = parser.parse_args().pairs
    for arguments in (LIST, IMPORTS):
        processor_s(arguments)
    times = [(processor_s(LIST), processor_s(IMPORTS)) for _ in range(pairs)]
    listing, imports = (1000 * statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(one / other for one, other in times)
    print(f"sepkit list {listing:.0f} ms, import click, pluggy {imports:.0f} ms, ratio {ratio:.2f}, {pairs} pairs")


if __name__ == "__main__":
    main()
