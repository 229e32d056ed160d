"""The picture of the page on drums, and the stems to listen to, from the drums of the bundled recording::

python plugins/nmfd/benchmarks/pictures.py docs/guide/pictures --stems FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import sepkit
from sepkit import example
from sepkit.music.parts import read_with_parts
from sepkit_nmfd import plot_drums


def main() -> None:
    """Write the picture, and stems where a folder for them is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stems", type=Path)
    given = parser.parse_args()
    kit = ("kick", "snare", "hi-hat")
    played = read_with_parts(example.FOLDER / "score.mid", "drums")
    score = sepkit.Score(tuple(note for note in played.notes if note.part in kit))
    drums = example.load("ode").stems["drums"]
    found = sepkit.separate(drums, "nmfd", sources=kit, score=score, config={"restore": 5}, keep_variables=True)
    plot_drums(found).savefig(given.folder / "drums.png", dpi=65)
    if given.stems is not None:
        found.write(given.stems)


if __name__ == "__main__":
    main()
