"""
The hands of a pianist
======================

test
"""

import sepkit
from sepkit import example

piano = example.load("piano")
separation = sepkit.separate(piano.mixture, "score-nmf", score=piano.score)
separation

# %%
# Hm

# sphinx_gallery_alt = "the picture"
separation.plot()
