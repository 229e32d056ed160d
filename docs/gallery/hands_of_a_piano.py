"""
The hands of a pianist
======================

A recording of a piano, and its notes as a MIDI file with a track for each hand: what does the left hand play? The score
says when each hand plays and at which pitches; factorisation finds how loud each note is there, and what a piano sounds
like at that pitch.
"""

import sepkit
from sepkit import Audio, example

piano = example.load("piano")
RATE = 22050


def opening(sound, seconds=10):
    """The first seconds, at a rate that suffices here."""
    return Audio(sound.resample(RATE).samples[:, : seconds * RATE], RATE)


mixture = opening(piano.mixture)
mixture

# %%
# What is known
# -------------
#
# The score came from ``example.FOLDER``; yours is read by ``sepkit.Score.read("sonata.mid")``, from MIDI, MusicXML or a
# table. If it was not played exactly so, :doc:`align it </guide/alignment>` first.

# sphinx_gallery_alt = "A piano roll: the right hand's melody above the left hand's chords; they share D4 to A4."
piano.score.plot()

# %%
# Separate
# --------
#
# One line. Listen to each hand alone: *Solo* and *Mute* work while it plays, and a click on a picture moves there.

separation = sepkit.separate(mixture, "score-nmf", score=piano.score, keep_variables=True)
separation

# %%
# How good is it?
# ---------------
#
# The true hands are known here, since this project rendered them one by one. The signal-to-distortion ratio compares:
# at 0 dB the error is as loud as the hand itself, at 10 dB it has a tenth of its energy.

truth = {hand: opening(stem) for hand, stem in piano.stems.items()}
before = dict.fromkeys(truth, mixture)
for name, estimates in {"mixture as it is": before, "score-nmf": separation}.items():
    sdr = sepkit.evaluation.evaluate(estimates, truth, metrics=["sdr"]).values["SDR"]
    print(f"{name:16}  " + "  ".join(f"{hand} {value:5.1f} dB" for hand, value in sdr.items()))

# %%
# What it looked at
# -----------------
#
# The spectrogram is shared out by masks: yellow is a bin that goes to this hand, violet one that does not.

# sphinx_gallery_thumbnail_number = 2
# sphinx_gallery_alt = "Spectrograms, masks, and the cost over iterations: the left hand's partials lie lower."
separation.plot()

# %%
# A note of the score is one template, which is a spectrum, and one activation, which is its loudness over time. Outside
# the note the activation is zero, and stays so: an update multiplies, and nothing times zero is more than zero.

# sphinx_gallery_alt = "Templates with combs of partials, and activations that are zero outside the notes of the score."
separation.plot_factors()

# %%
# The same on the command line
# ----------------------------
#
# .. code-block:: sh
#
#    sepkit run score-nmf sonata.wav -o out --score sonata.mid
