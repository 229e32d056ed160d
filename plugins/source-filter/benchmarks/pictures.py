"""The pictures of the README, from the bundled recording of flute and cello::

python plugins/source-filter/benchmarks/pictures.py FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import sepkit
from sepkit import example
from sepkit.informed import track_f0
from sepkit.plots.f0 import plot_f0
from sepkit_source_filter import plot_voices


def main() -> None:
    """Write both pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    ode = example.load("ode")
    names = ("flute", "cello")
    flute, cello = (ode.stems[name] for name in names)
    mixture = sepkit.Audio(flute.samples + cello.samples, flute.sample_rate)
    score = sepkit.Score(tuple(note for note in ode.score.notes if note.part in names))
    known = sepkit.SideInformation(score)
    plot_f0(mixture, track_f0(mixture, known, names, sepkit.Run())).savefig(folder / "f0.png", dpi=65)
    found = sepkit.separate(mixture, "source-filter", sources=names, score=score, keep_variables=True)
    plot_voices(found).savefig(folder / "voices.png", dpi=65)


if __name__ == "__main__":
    main()
