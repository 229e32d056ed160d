"""
A drum kit, drum by drum
========================

A drum sounds much the same whenever it is struck. Nonnegative matrix factor deconvolution gives each drum one template
that is a short spectrogram, from the attack to the decay, and activations that say when it begins. It can be told the
onsets, or samples of the drums, or nothing at all.
"""

import sepkit
from sepkit import example

kit = example.load("drums")
kit.mixture

# %%
# With the onsets
# ---------------
#
# They come from a MIDI file's drum channel, or from a table with a line for each stroke. The kick rings for long, so
# the templates are to be longer than the default of 93 ms. How long was chosen on this very recording.

config = {"template_s": 0.2}
separation = sepkit.separate(kit.mixture, "nmfd", score=kit.score, config=config, keep_variables=True)
separation

# %%
# The templates that it found are short spectrograms, from the attack on:

# sphinx_gallery_alt = "Three short spectrograms: the kick lies below 200 Hz, the hi-hat is high, the snare broad."
import numpy as np
from matplotlib.figure import Figure

templates = {domain.name: value for domain, value in separation.variables.values.items()}["lagged-templates"]
atoms, bins_hz = separation.variables.layout.atoms, separation.variables.layout.bins_hz
figure = Figure(figsize=(8, 3), layout="constrained")
for axes, atom, template in zip(figure.subplots(1, 3, sharey=True), atoms, templates.swapaxes(0, 1), strict=True):
    level_db = 20 * np.log10(template / template.max() + 1e-4)
    hop_ms = 1000 * (separation.variables.layout.frames_s[1] - separation.variables.layout.frames_s[0])
    edges_ms = (0, hop_ms * template.shape[1])
    axes.imshow(level_db, origin="lower", aspect="auto", cmap="magma", vmin=-50, extent=(*edges_ms, 0, bins_hz[-1]))
    axes.set(title=atom.source, xlabel="milliseconds")
figure.axes[0].set(ylabel="Hz")
figure

# %%
# With nothing
# ------------
#
# Told only that there are three, it finds three sounds that come again and again. Which is which is for you to hear; to
# measure them, `permute` gives each the name under which it is best.

blind = sepkit.separate(kit.mixture, "nmfd", sources=["a", "b", "c"], config=config, seed=1)
for name, found, permute in (("onsets known", separation, False), ("nothing known", blind, True)):
    sdr = sepkit.evaluation.evaluate(found, kit.stems, metrics=["sdr"], permute=permute).values["SDR"]
    print(f"{name:13}  " + "  ".join(f"{drum} {value:5.1f} dB" for drum, value in sdr.items()))

# %%
# Another groove
# --------------
#
# What was found can be changed. Without the kick, the groove floats:

separation.without("kick")
