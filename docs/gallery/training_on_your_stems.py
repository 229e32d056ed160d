"""
Training on your own stems
==========================

Two players have practised alone and recorded it. From these recordings a network learns what each sounds like, and then
takes apart a piece that they play together, which it has never heard.

Here the practice is a chromatic scale of each, and the piece is the "Ode to Joy".
"""

from pathlib import Path
from tempfile import mkdtemp

import sepkit
from sepkit import Audio, example

RATE = 16000
ode = example.load("ode")
players = ("flute", "cello")

# %%
# A folder of stems
# -----------------
#
# A data set is a folder with a folder for each track, and a file for each stem in it. Twelve seconds are enough here; a
# network for all flutes and cellos of the world wants hours.

folder = Path(mkdtemp())
track = folder / "stems" / "practice"
track.mkdir(parents=True)
for player in players:
    scale = Audio.read(ode.training[player]).resample(RATE)
    Audio(scale.samples[:, : 12 * RATE], RATE).write(track / f"{player}.wav")

Audio.read(track / "cello.wav")

# %%
# Train
# -----
#
# The nonnegative autoencoder learns templates as factorisation does, and an encoder that finds their activations in one
# pass. Training can be killed and started again; it comes to the same weights. ``whole`` learns from all tracks, since
# the one that there is cannot also be held back to measure on.

losses = []
trained = sepkit.train(
    "nae",
    [folder / "stems"],
    folder / "weights",
    config={"steps": 150},
    whole=True,
    reporter=lambda progress: losses.append(progress.done),
)
print(f"{len(losses)} reports of progress; weights:", *sorted(path.name for path in trained.folder.iterdir()))

# %%
# Separate what was never heard
# -----------------------------

truth = {player: ode.stems[player].resample(RATE) for player in players}
duo = Audio(truth["flute"].samples + truth["cello"].samples, RATE)
separation = sepkit.separate(duo, "nae", weights=trained.folder)
separation

# %%

for name, estimates in {"mixture as it is": dict.fromkeys(truth, duo), "trained nae": separation}.items():
    sdr = sepkit.evaluation.evaluate(estimates, truth, metrics=["sdr"]).values["SDR"]
    print(f"{name:16}  " + "  ".join(f"{player} {value:5.1f} dB" for player, value in sdr.items()))

# %%

# sphinx_gallery_alt = "Spectrograms and masks of a duo: the flute above with few partials, the cello below with many."
separation.plot()

# %%
# On the command line it is ``sepkit train nae stems -o weights --whole``; see :doc:`/guide/training`.
