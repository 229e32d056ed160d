"""
Adapting to a piece
===================

Every flute sounds another way, and a network knows best what it has heard. But many a piece begins with the flute
alone, and goes on with the cello alone, before both play: it has in it what it takes to get to know its own players.

Here the network learned from two violins and a cello made of sines. The piece is played by a sampled flute and cello.
"""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np

import sepkit
from sepkit import Audio, example

RATE = 16000
folder = Path(mkdtemp())

# %%
# Weights from elsewhere
# ----------------------

quartet = example.load("quartet")
track = folder / "strings" / "round"
track.mkdir(parents=True)
Audio(quartet.stems["violin"].resample(RATE).samples[:, : 4 * RATE], RATE).write(track / "flute.wav")
Audio(quartet.stems["cello"].resample(RATE).samples[:, -4 * RATE :], RATE).write(track / "cello.wav")
sepkit.train("nae", [folder / "strings"], folder / "weights", config={"steps": 100}, whole=True)

# %%
# A piece with solos
# ------------------
#
# Three seconds of flute, three of cello, then both.

ode = example.load("ode")
players = {name: ode.stems[name].resample(RATE).samples.copy() for name in ("flute", "cello")}
players["cello"][:, : 3 * RATE] = 0
players["flute"][:, 3 * RATE : 6 * RATE] = 0
piece = Audio(np.sum(list(players.values()), axis=0), RATE)
piece

# %%
# Adapt
# -----
#
# Passages of the solos are mixed at random, so that the stems of these mixtures are known; from them the weights learn
# on. The end of each passage is held back, to tell when it is enough. What comes out are ordinary weights.

solos = {"flute": [(0.0, 2.9)], "cello": [(3.3, 6.0)]}
sepkit.adapt("nae", piece, folder / "adapted", weights=folder / "weights", solos=solos, config={"steps": 150})

before = sepkit.separate(piece, "nae", weights=folder / "weights")
after = sepkit.separate(piece, "nae", weights=folder / "adapted")
after

# %%
# What it gained
# --------------
#
# Measured where both play, which nothing was learned from:


def together(sound):
    """From the sixth second on."""
    return Audio(sound.samples[:, 6 * RATE :], RATE)


truth = {name: together(Audio(samples, RATE)) for name, samples in players.items()}
for name, stems in {"weights from elsewhere": before, "adapted": after}.items():
    estimates = {player: together(stems[player]) for player in truth}
    sdr = sepkit.evaluation.evaluate(estimates, truth, metrics=["sdr"]).values["SDR"]
    print(f"{name:22}  " + "  ".join(f"{player} {value:4.1f} dB" for player, value in sdr.items()))

# %%
# Three seconds of each are little. :doc:`/guide/concertos` measures what longer solos gain with a larger network.

# sphinx_gallery_alt = "Masks: the flute has its solo until 2.4 s; of its own, the cello has the lower partials."
after.plot()

# %%
# On the command line
# -------------------
#
# .. code-block:: sh
#
#    sepkit adapt nae piece.wav --weights weights --solo flute=0:00-0:03 --solo cello=0:03-0:06 -o adapted
#    sepkit run nae piece.wav -o out --weights adapted
