"""
Without any help
================

Nothing is known of a recording: no score, no examples, no labels. Then what comes again and again is taken for a
source. This page shows what factorisation finds by itself, and what to make of it.
"""

import sepkit
from sepkit import Audio, example

ode = example.load("ode")
RATE = 22050
mixture = Audio(ode.mixture.resample(RATE).samples[:, : 6 * RATE], RATE)

# %%
# Eight sounds
# ------------
#
# Without names of sources, ``nmf`` gives each atom its own stem: a spectrum, and when it sounds.

found = sepkit.separate(mixture, "nmf", config={"rank": 8}, keep_variables=True)
print(found.sources)

# %%

# sphinx_gallery_alt = "Eight templates and activations: combs of partials that last, and one low and brief, the drums."
found.plot_factors()

# %%
# Some are tones and some are strokes. Listen to them one by one with *Solo*.

found

# %%
# Harmonic or percussive
# ----------------------
#
# One thing is always there to be used: tones are narrow and last, strokes are broad and brief. Median filters along
# time and along frequency tell them apart, in a fraction of a second.

parts = sepkit.separate(mixture, "hpss")
parts

# %%
# The drums as ``percussive``, flute and cello together as ``harmonic``:

truth = {name: Audio(stem.resample(RATE).samples[:, : 6 * RATE], RATE) for name, stem in ode.stems.items()}
pair = {
    "percussive": truth["drums"],
    "harmonic": Audio(truth["flute"].samples + truth["cello"].samples, RATE),
}
for name, estimates in {"mixture as it is": dict.fromkeys(pair, mixture), "hpss": parts}.items():
    sdr = sepkit.evaluation.evaluate(estimates, pair, metrics=["sdr"]).values["SDR"]
    print(f"{name:16}  " + "  ".join(f"{part} {value:5.1f} dB" for part, value in sdr.items()))

# %%

# sphinx_gallery_thumbnail_number = 2
# sphinx_gallery_alt = "Spectrograms: horizontal lines in the harmonic part, vertical lines in the percussive part."
parts.plot()

# %%
# More ways to begin are listed in :doc:`/guide/which-method`.
