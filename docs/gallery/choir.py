"""
A choir, by the pitch of its singers
====================================

Four people sing, and each has a fundamental frequency, F0, that glides and wavers. Whoever knows these four lines knows
where all partials lie. What is between, the method fits: the source is the singer's glottis, the filter is the mouth
that forms the vowel.

The F0 can come from a score, from contact microphones at the singers' throats, from a pitch tracker, or from your hand.
Here the choir is synthetic, and its F0 is known.
"""

import sepkit
from sepkit import example

choir = example.load("choir")
choir.mixture

# %%
# Four lines
# ----------

# sphinx_gallery_thumbnail_number = 1
# sphinx_gallery_alt = "Four F0 curves over the spectrogram of the choir: steps between notes, and vibrato within them."
from matplotlib.figure import Figure

figure = Figure(figsize=(9, 4), layout="constrained")
axes = figure.subplots()
axes.specgram(choir.mixture.samples[0], NFFT=2048, noverlap=1536, Fs=choir.mixture.sample_rate, cmap="magma", vmin=-120)
for singer, track in choir.f0.items():
    axes.plot(track.times_s, track.f0_hz, label=singer)
axes.set(ylim=(50, 1200), yscale="log", xlabel="seconds", ylabel="Hz")
axes.legend(loc="upper right")
figure

# %%
# Separate
# --------
#
# All that is given is the recording and the four lines.

separation = sepkit.separate(choir.mixture, "source-filter", f0=choir.f0)
separation

# %%
# What it says of itself
# ----------------------
#
# Where two voices are in unison or octaves, their partials coincide, and no mask can tell them apart. That is not a
# fault to be hidden: a separation remarks on it.

for remark in separation.provenance.remarks[-2:]:
    print("-", remark)

# %%
# How good is it?
# ---------------
#
# Beside the model, what masks around the partials do that have learned nothing:

comb = sepkit.separate(choir.mixture, "harmonic-comb", f0=choir.f0)
for name, found in {"harmonic-comb": comb, "source-filter": separation}.items():
    sdr = sepkit.evaluation.evaluate(found, choir.stems, metrics=["sdr"]).values["SDR"]
    print(f"{name:13}  " + "  ".join(f"{singer} {value:5.1f} dB" for singer, value in sdr.items()))
