"""
A batch on a cluster
====================

One recording or a million: the same call. A batch takes any executor of ``concurrent.futures`` whose workers see the
same files. Here it is a cluster of Dask with two workers, which live in this process so that the page is built quickly;
leave ``processes=False`` out, and they are processes, or name a scheduler, and they are machines.
"""

from pathlib import Path
from tempfile import mkdtemp

from distributed import Client, LocalCluster

import sepkit
from sepkit import Audio, example

# %%
# Some recordings
# ---------------

folder = Path(mkdtemp())
(folder / "recordings").mkdir()
for name in ("choir", "drums", "quartet", "song"):
    mixture = example.load(name).mixture
    Audio(mixture.samples[:, : 4 * mixture.sample_rate], mixture.sample_rate).write(folder / f"recordings/{name}.wav")

# %%
# Two workers
# -----------
#
# Each job reads one recording, separates it, and writes its stems with a record of how they came about. What travels is
# the path and the options; the sound does not.

here = LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
with here as cluster, Client(cluster) as client:
    executor = client.get_executor(pure=False)
    done = sepkit.batch(folder / "recordings", "hpss", folder / "stems", executor=executor)
    print(done.counts)

    # Once more, with one recording that is new: what is done is done, by the digests in its record.
    example.load("piano").mixture.write(folder / "recordings/piano.wav")
    again = sepkit.batch(folder / "recordings", "hpss", folder / "stems", executor=executor)
    print(again.counts)

# %%
# What is there now
# -----------------

for path in sorted((folder / "stems").rglob("*.*")):
    print(path.relative_to(folder))

# %%

Audio.read(folder / "stems/song/percussive.wav")

# %%
# How much of each is percussive?

# sphinx_gallery_alt = "Bars of the percussive share of energy: most in the drums, then the song, hardly any elsewhere."
import numpy as np
from matplotlib.figure import Figure

shares = {}
for track in sorted(path for path in (folder / "stems").iterdir() if path.is_dir()):
    energy = [np.sum(Audio.read(track / f"{stem}.wav").samples ** 2) for stem in ("percussive", "harmonic")]
    shares[track.name] = energy[0] / sum(energy)

figure = Figure(figsize=(7, 2.8), layout="constrained")
axes = figure.subplots()
axes.barh(list(shares), list(shares.values()))
axes.set(xlabel="share of the energy that is percussive", xlim=(0, 1))
figure

# %%
# From the terminal
# -----------------
#
# .. code-block:: sh
#
#    sepkit run hpss recordings/ -o stems --jobs 2
#    sepkit run hpss recordings/ -o stems --cluster local:2
#    sepkit run hpss recordings/ -o stems --cluster tcp://scheduler:8786
#
# What a job costs beside the separation is measured in :doc:`/guide/growing`.
