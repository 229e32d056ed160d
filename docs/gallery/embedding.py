"""
In a program: progress and cancel
=================================

An editor has a button, a bar, and a user who changes her mind. The separation runs on a thread of its own; each step of
it reports, and asks whether it is to stop. Nothing is printed, nothing is global, and no file is written unless the
program says so.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import sepkit
from sepkit import Audio, example

song = example.load("song")
mixture = Audio(song.mixture.samples[:, : 5 * song.mixture.sample_rate], song.mixture.sample_rate)

# %%
# A method is made once
# ---------------------
#
# Wrong options and missing weights show here, before any sound is read. A menu can be filled, and a form be drawn,
# without importing any method.

method = sepkit.Method("nmf", config={"rank": 8})
options = method.registry.separator("nmf").load_config().model_json_schema()["properties"]
print(f"{len(options)} options, such as rank: {options['rank']['description']}")

# %%
# A bar
# -----
#
# A reporter is any callable. It is called on the thread of the run, so a program hands what it gets to its event loop.

bar = []
with ThreadPoolExecutor(1) as pool:
    run = pool.submit(method.separate, mixture, sources=["a", "b"], seed=1, reporter=bar.append)
    separation = run.result()

stages = list(dict.fromkeys(progress.stage for progress in bar))
print(f"{len(bar)} reports, through the stages {', '.join(stages)}")

# %%

# sphinx_gallery_alt = "The fraction done, by report: up to a half, a jump to 1; then from 0 to 1 in the second stage."
from matplotlib.figure import Figure

figure = Figure(figsize=(7, 2.5), layout="constrained")
axes = figure.subplots()
for stage in stages:
    steps = [number for number, progress in enumerate(bar) if progress.stage == stage]
    axes.plot(steps, [bar[number].fraction for number in steps], label=stage)
axes.set(xlabel="report", ylabel="fraction done")
axes.legend()
figure

# %%
# It jumps where the factorisation has converged before the iterations that it is allowed are over.
#
# A change of mind
# ----------------
#
# ``cancel`` is anything with ``is_set()``. The run ends at its next step, with an exception of its own kind, and the
# method is ready for the next.

stop = threading.Event()


def watch(progress):
    """What a button would do, on another thread."""
    if progress.done == 5:
        stop.set()


with ThreadPoolExecutor(1) as pool:
    run = pool.submit(method.separate, mixture, sources=["a", "b"], reporter=watch, cancel=stop)
    try:
        run.result()
    except sepkit.Cancelled as error:
        print(error)

# %%
# The next run
# ------------
#
# The same seed gives the same samples, whatever happened in between.

import numpy as np

again = method.separate(mixture, sources=["a", "b"], seed=1)
print("the same samples:", all(np.array_equal(again[name].samples, separation[name].samples) for name in again))
again

# %%
# More of this in :doc:`/guide/embedding`; beside a program in another language, :doc:`/guide/worker`.
