"""The picture of the guide: spans and boxes over the spectrograms of a separation.

python plugins/nmf/benchmarks/labels_picture.py docs/guide/pictures/labels.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import sepkit
from sepkit import Audio, Label, Labels, example
from sepkit.plots.canvas import write_figure

RATE = 8000


def main() -> None:
    """Write the picture."""
    piece = example.load()
    flute, cello = (piece.stems[name].resample(RATE).samples[:, : 5 * RATE].copy() for name in ("flute", "cello"))
    flute[:, : 2 * RATE] = 0
    cello[:, 3 * RATE :] = 0
    labels = Labels(
        (
            Label(0, 3.1, "cello"),
            Label(2.1, 4.9, "flute"),
            Label(2, 3, "flute", 450, 540),
            Label(2, 3, "cello", 560, 690, strength=0.9),
            Label(2, 3, "cello", 1600, 2000, absent=True, strength=0.7),
        )
    )
    options = {"rank": 4, "iterations": 50}
    separation = sepkit.separate(Audio(flute + cello, RATE), "nmf", labels=labels, config=options)
    write_figure(Path(sys.argv[1]), separation.plot())


if __name__ == "__main__":
    main()
