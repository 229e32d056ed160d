"""sepkit in a notebook: live progress, a cancel button, stems that can be heard and a picture of them.

Every ``# %%`` starts a cell, as Jupyter, VS Code, Spyder and PyCharm understand it; as a script it runs from top to
bottom. It needs ``pip install "sepkit[plot]" sepkit-nmf`` and no recording of your own.
"""

# %% A mixture, and what is known about it: here a short example of each instrument, playing other notes.
from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import sepkit
from sepkit import Audio, Progress, example
from sepkit.evaluation import evaluate

piece = example.load()


def excerpt(audio: Audio, seconds: int = 3) -> Audio:
    return Audio(audio.samples[:, : seconds * audio.sample_rate], audio.sample_rate)


mixture = excerpt(piece.mixture)
print(f"{mixture}: {', '.join(piece.stems)}")


# %% Progress: a reporter is any callable. This one rewrites a single line, in a notebook as in a terminal. It is called
# at every step, so it draws only what changed.
class Line:
    shown = ""

    def __call__(self, progress: Progress) -> None:
        line = f"{progress.stage:<12} {progress.fraction:4.0%}"
        if line != self.shown:
            print(f"\r{line}", end="", flush=True)
            self.shown = line


# %% Cancelling. A cell that separates keeps the notebook busy, so that no button would react: let a thread do it.
# Anything with is_set() can be asked whether to stop. For a real button: button.on_click(lambda _: stop.set())
stop, underway = threading.Event(), threading.Event()
line = Line()


def show_and_tell(progress: Progress) -> None:
    line(progress)
    if progress.done == 5:
        underway.set()


endless = sepkit.Method("nmf", config={"iterations": 100_000, "tolerance": 0})
with ThreadPoolExecutor(1) as pool:
    future = pool.submit(endless.separate, mixture, examples=piece.training, reporter=show_and_tell, cancel=stop)
    underway.wait(timeout=60)
    stop.set()
    try:
        future.result()
    except sepkit.Cancelled:
        print("\ncancelled after a few iterations; the method is as usable as before")

# %% The full run. A method is made once and separates any number of mixtures.
method = sepkit.Method("nmf", config={"iterations": 30})
separation = method.separate(mixture, examples=piece.training, reporter=Line())
print(f"\ndone in {separation.provenance.seconds:.1f} s")

# %% How good is it? With the true stems at hand: signal-to-distortion ratio, before and after.
truth = {name: excerpt(stem) for name, stem in piece.stems.items()}
before, after = (evaluate(g, truth, metrics=["sdr"]).values["SDR"] for g in (dict.fromkeys(truth, mixture), separation))
for name in truth:
    print(f"{name:<6} SDR {before[name]:5.1f} dB -> {after[name]:5.1f} dB")

# %% Stems as files, with the record of how they came about. To listen: IPython.display.Audio(stem.samples, rate=...)
separation.write("stems")

# %% The picture. It is a matplotlib Figure: the last line of the cell shows it inline.
figure = separation.plot()
figure.savefig("separation.png")
figure  # noqa: B018
