"""
A quartet minus one
===================

You play the viola, and the other three are a recording. Take the viola out of the quartet, and practise with what is
left. Here four strings play a round: all have the same tune, two bars apart, so that only who plays *when* tells them
apart.
"""

import sepkit
from sepkit import example

quartet = example.load("quartet")
separation = sepkit.separate(quartet.mixture, "score-nmf", score=quartet.score)

# %%
# Play along
# ----------
#
# `Separation.without` is the mixture less some stems. It is not the sum of the others: what belongs to nobody, such as
# the hall, stays in.

minus_viola = separation.without("viola")
minus_viola

# %%
# Or keep the viola, softer, as a guide:

separation.remix({"viola": -12})

# %%
# How much of the viola is left?
# ------------------------------
#
# The true stems tell. What is left of the viola is the part of the result that goes along with it.

import numpy as np

viola = quartet.stems["viola"].samples[0]
others = np.sum([stem.samples[0] for name, stem in quartet.stems.items() if name != "viola"], axis=0)


def level_db(sound):
    """Of a sound, in dB of full scale."""
    return 10 * np.log10(np.mean(np.square(sound)))


left = np.dot(minus_viola.samples[0] - others, viola) / np.dot(viola, viola)
error = minus_viola.samples[0] - others
print(f"the viola is {-20 * np.log10(abs(left)):.1f} dB softer than it was")
print(f"the others are {level_db(others) - level_db(error):.1f} dB above all that is wrong with them")

# %%
# By eye
# ------
#
# The voices enter one after the other: the violin, the second violin an octave below, the viola, at last the cello.

# sphinx_gallery_alt = "A piano roll of a round: four parts enter two bars apart, the violin above, the cello below."
quartet.score.plot()

# %%

# sphinx_gallery_thumbnail_number = 2
# sphinx_gallery_alt = "Spectrograms and masks of four strings: each is empty until its part enters."
separation.plot()

# %%
# From the terminal
# -----------------
#
# .. code-block:: sh
#
#    sepkit run score-nmf quartet.wav -o out --score quartet.mid --without viola
#    sepkit run score-nmf quartet.wav -o out --score quartet.mid --gain viola=-12
