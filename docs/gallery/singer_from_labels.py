"""
A singer, from labels
=====================

There is no score of this song, and no network knows the singer. But you can hear when she sings. Mark that in Audacity,
export the labels, and hand them over: the singer rests outside of them, and what sounds there is the band, from which
the method learns what the band is like.
"""

from pathlib import Path
from tempfile import mkdtemp

import sepkit
from sepkit import Label, Labels, example

song = example.load("song")
song.mixture

# %%
# What a listener writes down
# ---------------------------
#
# Audacity's labels are lines of start, end and name. A tenth of a second more or less does not matter. The
# rank, how many templates each source gets, was chosen on this very song.

labels = Path(mkdtemp()) / "song.txt"
labels.write_text("1.8\t5.8\tvoice\n7.5\t11.8\tvoice\n")

config = {"rank": 60, "iterations": 60}
separation = sepkit.separate(song.mixture, "nmf", labels=labels, sources=["voice", "band"], config=config, seed=1)
separation

# %%
# With a method that listens for a tune
# -------------------------------------
#
# While she sings, both share most of the spectrum. ``melody`` follows the singer's F0. It takes the same labels by the
# constraint ``activity``: outside of them her stem is silent, and by ``mixture-consistency`` the band gets what she
# gives up. Its stems have names of their own, so the labels say ``vocals``.

alone = sepkit.separate(song.mixture, "melody")
spans = Labels([Label(1.8, 5.8, "vocals"), Label(7.5, 11.8, "vocals")])
told = sepkit.separate(song.mixture, "melody", labels=spans, constraints=["activity", "mixture-consistency"])
told

# %%
# What each is worth
# ------------------

truth = song.stems
named = {"voice": "vocals", "band": "accompaniment"}
rows = {
    "mixture as it is": dict.fromkeys(truth, song.mixture),
    "nmf, labels": separation,
    "melody": {ours: alone[theirs] for ours, theirs in named.items()},
    "melody, labels": {ours: told[theirs] for ours, theirs in named.items()},
}
for name, estimates in rows.items():
    sdr = sepkit.evaluation.evaluate(estimates, truth, metrics=["sdr"]).values["SDR"]
    print(f"{name:16}  " + "  ".join(f"{source} {value:5.1f} dB" for source, value in sdr.items()))

# %%

# sphinx_gallery_alt = "Spectrograms of the song, the voice and the band, with bars for the spans that the labels mark."
told.plot()

# %%
# Where a box in the spectrogram says more than a span, draw one: :doc:`/guide/labels`.
