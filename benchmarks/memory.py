"""Memory of the process's own that methods take for every minute of mono at 44.1 kHz, and CPU seconds for it::

OMP_NUM_THREADS=1 python benchmarks/memory.py [METHOD ...]

A process of its own separates two short mixtures of different lengths, with the options of the method's example but for
the window, which is the default one; arrays are mapped from files beyond 256 KiB instead of 64 MiB, so that what would
grow over hours shows. That is what the conformance kit checks for methods with the trait ``streams``; without names,
all of these are measured.
"""

from __future__ import annotations

import argparse
import sys

from sepkit.errors import SepkitError
from sepkit.plugin.registry import Registry
from sepkit.testing.memory_probe import memory_probe
from sepkit.testing.outcome import CheckFailed, Skipped
from sepkit.testing.subject import MethodSubject

_SAMPLES_A_MINUTE = 44100 * 60


def main() -> None:
    """Print a row for every method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    registry = Registry.discover()
    streaming = [name for name, spec in registry.separators.items() if "streams" in spec.traits]
    print("| method | MiB a minute |\n| --- | ---: |")
    for name in parser.parse_args().methods or streaming:
        spec = registry.separator(name)
        window = spec.load_config().model_fields.get("window_s")
        options = {} if window is None else {"window_s": window.default}
        try:
            grown = memory_probe(MethodSubject(spec, registry, options))
        except (SepkitError, CheckFailed, Skipped) as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        print(f"| `{name}` | {grown * _SAMPLES_A_MINUTE / 2**20:.1f} |", flush=True)


if __name__ == "__main__":
    main()
