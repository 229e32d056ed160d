"""What `performance.py` measures, each in a process of its own; the last line that is printed is the figure."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RANK = 40
RATE = 44100
LENGTHS = (5 << 18, 5 << 18, 5 << 20)
"""In samples; the first time is for what is loaded once."""

SPACING = 1.5
"""By which every run of a curve has more iterations than the one before."""


def start(recording: Path, method: str) -> float:
    """CPU seconds since Python began, for one second."""
    separated(method, excerpt(recording, RATE), {})
    return time.process_time()


def minute(recording: Path, method: str) -> float:
    """CPU seconds for half a minute, without those of the start and of what long recordings import."""
    import scipy.fft  # noqa: F401

    separated(method, excerpt(recording, RATE), {})
    mixture = excerpt(recording, 30 * RATE)
    began = time.process_time()
    separated(method, mixture, {})
    return time.process_time() - began


def command(recording: Path, method: str, seconds: str) -> float:
    """CPU seconds of `sepkit run`, from the start of Python to the written stems."""
    import sepkit

    mixture = excerpt(recording, round(float(seconds) * RATE))
    known = knowledge(method, mixture)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "mixture.wav")
        mixture.write(place)
        words = [sys.executable, "-m", "sepkit", "run", method, str(place), "-o", str(Path(folder, "stems"))]
        if "sources" in known:
            words += ["--sources", ",".join(known["sources"])]
        if isinstance(known.get("score"), sepkit.Score):
            known["score"].write(Path(folder, "score.mid"))
            words += ["--score", str(Path(folder, "score.mid")), "--align", "never"]
        before = os.times()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def memory(recording: Path, method: str) -> float:
    """MiB that each minute of mono takes, from two lengths; files are mapped early, where the tree has such."""
    from sepkit import Audio
    from sepkit.plugin.registry import Registry

    spec = Registry.discover().separator(method)
    options = dict(spec.example)
    if options.get("window_s", 1) < 0.04:
        # That of the example is for short mixtures.
        del options["window_s"]
    mapped: Any = contextlib.nullcontext()
    with contextlib.suppress(ImportError):
        from sepkit.large import mapped_beyond

        mapped = mapped_beyond(1 << 18)
    peaks = []
    with mapped, tempfile.TemporaryDirectory() as folder:
        for length in LENGTHS:
            path = Path(folder) / f"{length}.wav"
            excerpt(recording, length, 2 if "stereo" in spec.needs else 1).write(path)
            peaks.append(peak_of(lambda path=path: separated(method, Audio.read(path), options)))
    channels = 2 if "stereo" in spec.needs else 1
    return (peaks[2] - peaks[1]) / (LENGTHS[2] - LENGTHS[1]) * RATE * 60 / 2**20 / channels


def periods(recording: Path, method: str) -> float:
    """CPU seconds for the periodic parts of four seconds, without those of the start."""
    import torch

    from sepkit_flow_sgld.periodic import periodic_parts

    mixture = excerpt(recording, 4 * RATE).resample(16000)
    began = time.process_time()
    periodic_parts(torch.from_numpy(mixture.samples[0].copy()), 2, 16000, 20.0, lambda: None)
    return time.process_time() - began


def curve(recording: Path, beta: str, solver: str, longest: str) -> list[tuple[float, float]]:
    """CPU seconds and objective after more and more iterations of a factorisation, every run from the same start."""
    from sepkit.spectral import STFT
    from sepkit_nmf.divergence import beta_divergence
    from sepkit_nmf.initialize import random_init

    V = STFT(2048, 512).magnitude(excerpt(recording, 25 * RATE).samples[0])
    W, H = random_init(V, RANK, np.random.default_rng(0))
    run = contender(V, W, H, float(beta), solver)
    run(1)
    points: list[tuple[float, float]] = []
    iterations = 1
    while not points or points[-1][0] < float(longest):
        began = time.process_time()
        found_w, found_h = run(iterations)
        seconds = time.process_time() - began
        model = found_w.astype(np.float64) @ found_h.astype(np.float64)
        points.append((seconds, float(beta_divergence(V.astype(np.float64), model, float(beta)))))
        iterations = max(iterations + 1, round(iterations * SPACING))
    return points


def bss(recording: Path, package: str) -> float:
    """CPU seconds for the figures of four stereo stems of a minute."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((4, 2, 60 * RATE)).astype(np.float32)
    guess = truth + 0.3 * rng.standard_normal(truth.shape).astype(np.float32)
    if package == "museval":
        import museval

        began = time.process_time()
        museval.evaluate(truth.swapaxes(1, 2), guess.swapaxes(1, 2))
        return time.process_time() - began
    from sepkit import Audio
    from sepkit.evaluation import evaluate

    names = "abcd"
    references = {name: Audio(one, RATE) for name, one in zip(names, truth, strict=True)}
    estimates = {name: Audio(one, RATE) for name, one in zip(names, guess, strict=True)}
    began = time.process_time()
    evaluate(estimates, references, metrics=["bss-eval"])
    return time.process_time() - began


def excerpt(recording: Path, length: int, channels: int = 1) -> Any:
    """So many samples of the recording in mono, over and over; channels that differ are louder and softer."""
    from sepkit import Audio

    samples = Audio.read(recording).mixdown().resample(RATE).samples[0]
    gains = np.linspace(1, 0.5, channels, dtype=np.float32)
    return Audio(gains[:, np.newaxis] * np.resize(samples, length), RATE)


def separated(method: str, mixture: Any, options: dict[str, Any]) -> Any:
    """With two sources, and notes or recordings of theirs for methods that want them."""
    import sepkit

    return sepkit.separate(mixture, method, config=options, **knowledge(method, mixture))


def knowledge(method: str, mixture: Any) -> dict[str, Any]:
    """What a method is told: two sources, and notes or recordings of theirs if it wants them."""
    import sepkit

    spec = sepkit.Registry.discover().separator(method)
    named = getattr(spec, "sources", ()) or "weights" in spec.needs
    known: dict[str, Any] = {} if named else {"sources": ["one", "two"]}
    if any("examples" in need for need in spec.needs):
        known["examples"] = {name: [excerpt_of(mixture, 10 * RATE)] for name in known["sources"]}
    if any("score" in need for need in spec.needs):
        notes = [
            sepkit.Note(beat / 2, beat / 2 + 0.4, 48 + (7 * beat + 12 * part) % 37, part=name)
            for beat in range(int(2 * mixture.duration_s) + 1)
            for part, name in enumerate(known["sources"])
        ]
        known |= {"score": sepkit.Score(tuple(notes)), "align": "never"}
    return known


def excerpt_of(mixture: Any, length: int) -> Any:
    """The first samples of an audio."""
    from sepkit import Audio

    return Audio(mixture.samples[:, :length], mixture.sample_rate)


def contender(V: Any, W: Any, H: Any, beta: float, solver: str) -> Callable[[int], tuple[Any, Any]]:
    """A run of so many iterations of ours, or of another package."""
    package, _, name = solver.partition(":")
    if package == "sklearn":
        from sklearn.decomposition import non_negative_factorization

        X, first, second = (np.ascontiguousarray(array.T) for array in (V, H, W))

        def theirs(iterations: int) -> tuple[Any, Any]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                activations, templates, _ = non_negative_factorization(
                    X,
                    W=first.copy(),
                    H=second.copy(),
                    n_components=RANK,
                    init="custom",
                    solver=name,
                    beta_loss=beta,
                    tol=0,
                    max_iter=iterations,
                )
            return templates.T, activations.T

        return theirs
    if package == "torchnmf":
        import torch
        from torchnmf.nmf import NMF

        def of_torch(iterations: int) -> tuple[Any, Any]:
            net = NMF(W=torch.from_numpy(H.T.copy()), H=torch.from_numpy(W.copy()))
            net.fit(torch.from_numpy(V.copy()), beta=beta, tol=0, max_iter=iterations)
            return net.H.detach().numpy(), net.W.detach().numpy().T

        return of_torch
    from sepkit_nmf.factorization import factorize

    def ours(iterations: int) -> tuple[Any, Any]:
        fit = factorize(V, W, H, beta=beta, solver=solver, max_iterations=iterations, tolerance=0)
        return fit.W, fit.H

    return ours


def peak_of(work: Callable[[], Any]) -> int:
    """The most bytes of its own that the process holds meanwhile, looked at 500 times a second."""
    peak, over = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(2e-3):
            status = Path("/proc/self/status").read_text(encoding="utf-8")
            peak = max(peak, *(1024 * int(line.split()[1]) for line in status.splitlines() if "RssAnon" in line))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        work()
    finally:
        over.set()
        thread.join()
    return peak


def main() -> None:
    """Measure one thing within so many CPU seconds."""
    recording, patience, task, *arguments = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CPU, (int(patience), resource.RLIM_INFINITY))
    tasks: dict[str, Callable[..., Any]] = {
        one.__name__: one for one in (start, minute, command, memory, periods, curve, bss)
    }
    print(json.dumps(tasks[task](Path(recording), *arguments)))


if __name__ == "__main__":
    main()
