"""Pictures with sounds: what a decibel sounds like, and what the phases of a mixture cost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sepkit import Audio

from .pictures import WINDOW, canvas, decibels, magnitude, picture, save, show
from .recordings import RECORDINGS
from .synthesis import RATE


@picture
def sdr(folder: Path) -> None:
    """A flute with the rest of the band at several SDR, and with noise at the same ones."""
    piece = RECORDINGS["trio"]()
    flute = piece.stems["flute"].samples.astype(float)
    rest = piece.mixture.samples - flute
    noise = np.random.default_rng(0).standard_normal(flute.shape)
    level = np.sqrt(np.mean(flute**2))
    figure, axes = canvas(1, 4, height=2.2, sharey=True)
    rows = []
    for one, sdr_db in zip(axes[0], (0, 6, 12, 20), strict=True):
        row = {"told": f"{sdr_db} dB"}
        for kind, error in (("interference", rest), ("noise", noise)):
            scaled = level * 10 ** (-sdr_db / 20) * error / np.sqrt(np.mean(error**2))
            estimate = Audio((flute + scaled).astype(np.float32) * 0.7, RATE)
            name = f"{kind}-{sdr_db}.flac"
            estimate.write(folder / name)
            row[kind] = name
            if kind == "interference":
                values = magnitude(estimate)
                show(
                    one, decibels(values, values.max()), piece.mixture.duration_s, RATE, vmin=-60, vmax=0, cmap="magma"
                )
                one.set_title(f"SDR {sdr_db} dB", fontsize=9)
        rows.append(row)
    (folder / "sounds.json").write_text(json.dumps({"columns": ["interference", "noise"], "rows": rows}))
    save(figure, folder)


@picture
def phases(folder: Path) -> None:
    """The left hand by the best of soft masks, and by true magnitudes with the mixture's phases."""
    piece = RECORDINGS["piano"]()
    mixture = WINDOW.forward(piece.mixture.samples.astype(float))
    left = WINDOW.forward(piece.stems["left"].samples.astype(float))
    right = mixture - left
    length = piece.mixture.length
    ratio = np.abs(left) / np.maximum(np.abs(left) + np.abs(right), 1e-12)
    truncated = np.clip(np.real(left * np.conj(mixture)) / np.maximum(np.abs(mixture) ** 2, 1e-12), 0, 1)
    ways = {
        "ratio mask |S| / (|S| + |N|)": ratio * mixture,
        "best mask from 0 to 1 (phase-sensitive)": truncated * mixture,
        "true magnitudes, phases of the mixture": np.abs(left) * np.exp(1j * np.angle(mixture)),
        "true magnitudes, random phases": np.abs(left)
        * np.exp(2j * np.pi * np.random.default_rng(0).random(left.shape)),
        "true magnitudes and phases": left,
    }
    truth = piece.stems["left"].samples.astype(float)
    rows = []
    for number, (told, spectrum) in enumerate(ways.items()):
        samples = WINDOW.inverse(spectrum, length)
        error = np.sum((samples - truth) ** 2)
        name = f"way-{number}.flac"
        Audio((0.7 * samples).astype(np.float32), RATE).write(folder / name)
        value = 10 * np.log10(np.sum(truth**2) / max(error, 1e-30))
        rows.append({"told": told, "SDR in dB": f"{value:.1f}" if value < 100 else "exact to rounding", "sound": name})
    (folder / "sounds.json").write_text(json.dumps({"columns": ["SDR in dB", "sound"], "rows": rows}))
    figure, axes = canvas(1, 3, height=2.4, sharey=True)
    options = {"duration_s": piece.mixture.duration_s, "rate": RATE}
    show(axes[0, 0], decibels(np.abs(mixture[0]), np.abs(mixture).max()), vmin=-60, vmax=0, cmap="magma", **options)
    show(axes[0, 1], ratio[0], vmin=0, vmax=1, cmap="gray", **options)
    apart = np.abs(np.angle(left * np.conj(mixture)))[0]
    loud = np.abs(left[0]) > 1e-3 * np.abs(left).max()
    show(axes[0, 2], np.where(loud, apart, np.nan), vmin=0, vmax=np.pi, cmap="viridis", **options)
    titles = ("mixture", "ratio mask of the left hand", "phases of left hand and mixture apart (0 to π)")
    for one, title in zip(axes[0], titles, strict=True):
        one.set_title(title, fontsize=9)
    save(figure, folder)


@picture
def phasors(folder: Path) -> None:
    """Two sources in one bin: what a mask can give of either lies on the mixture's line."""
    figure, axes = canvas(1, 3, height=2.8)
    pairs = ((1.0, 0.6, 0.35), (1.0, 0.6, 1.9), (1.0, 0.95, 2.9))
    titles = ("nearly in phase", "a quarter turn and more", "nearly opposed")
    for one, (a, b, angle), title in zip(axes[0], pairs, titles, strict=True):
        source, other = a + 0j, b * np.exp(1j * angle)
        mixture = source + other
        for start, end, colour, name in (
            (0, source, "tab:blue", "S"),
            (source, mixture, "tab:orange", "N"),
            (0, mixture, "black", "X = S + N"),
        ):
            move = end - start
            one.annotate(
                "",
                (end.real, end.imag),
                (np.real(start), np.imag(start)),
                arrowprops={"arrowstyle": "->", "color": colour},
            )
            one.text(
                np.real(start) + move.real / 2, np.imag(start) + move.imag / 2 + 0.04, name, color=colour, fontsize=8
            )
        best = np.clip((source * np.conj(mixture)).real / abs(mixture) ** 2, 0, 1) * mixture
        one.plot([source.real, best.real], [source.imag, best.imag], ":", color="tab:red")
        one.plot(best.real, best.imag, "o", color="tab:red", markersize=4)
        one.set(xlim=(-0.2, 1.8), ylim=(-0.4, 1.0), aspect="equal")
        error_db = 20 * np.log10(abs(source - best) / abs(source))
        one.set_title(f"{title}: error {error_db:.0f} dB", fontsize=9)
        one.tick_params(labelsize=7)
    save(figure, folder)
