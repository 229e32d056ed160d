"""Pictures of the ideas that methods are made of, each computed by the very functions that the methods use."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sepkit import Note

from .pictures import TOP_HZ, WINDOW, canvas, decibels, magnitude, picture, save, show
from .recordings import RECORDINGS
from .synthesis import RATE, hz, played, string

FRAME_S = WINDOW.hop / RATE
BIN_HZ = RATE / WINDOW.window_length
TOP = round(TOP_HZ / BIN_HZ)


@picture
def factors(folder: Path) -> None:
    """Two strings that alternate and then meet: a spectrogram, its two templates, its two activations."""
    from sepkit_nmf import factorize, random_init

    notes = [Note(0, 0.9, 60), Note(1, 1.9, 67), Note(2, 2.9, 60), Note(2, 2.9, 67)]
    V = np.abs(WINDOW.forward(played(notes, 3.2, string).astype(float)))
    fit = factorize(V, *random_init(V, 2, np.random.default_rng(3)), beta=1, max_iterations=200)
    figure, axes = canvas(1, 4, height=2.6, width_ratios=[3, 1, 3, 3])
    top = decibels(V.max(), V.max()), V.max()
    show(axes[0, 0], decibels(V, top[1]), 3.2, RATE, vmin=-60, vmax=0, cmap="magma")
    axes[0, 0].set_title("V", fontsize=10)
    khz = np.arange(len(V)) * BIN_HZ / 1000
    for atom, colour in enumerate(("tab:blue", "tab:orange")):
        axes[0, 1].plot(fit.W[:, atom] / fit.W[:, atom].max() - 1.1 * atom, khz, color=colour, linewidth=0.8)
        times_s = np.arange(V.shape[1]) * FRAME_S
        axes[0, 2].plot(times_s, fit.H[atom] / fit.H[atom].max() - 1.1 * atom, color=colour, linewidth=1)
    axes[0, 1].set_ylim(0, TOP_HZ / 1000)
    axes[0, 1].set_title("W: two templates", fontsize=10)
    axes[0, 2].set_title("H: their activations", fontsize=10)
    for plain in axes[0, 1:3]:
        plain.tick_params(labelsize=7)
    axes[0, 1].set_xticks([])
    axes[0, 2].set_yticks([])
    show(axes[0, 3], decibels(fit.W @ fit.H, top[1]), 3.2, RATE, vmin=-60, vmax=0, cmap="magma")
    axes[0, 3].set_title("WH", fontsize=10)
    save(figure, folder)


@picture
def zeros(folder: Path) -> None:
    """Activations of ten pitches: where the score allows them, after updates from there, and without a score."""
    from sepkit_nmf import factorize, random_init
    from sepkit_score_nmf import pitch_activations, pitch_templates

    piece = RECORDINGS["piano"]()
    V = magnitude(piece.mixture)
    pitches = sorted({note.pitch for note in piece.score.notes})
    W = pitch_templates(len(V), pitches, BIN_HZ, tolerance=0.03)
    H = pitch_activations(V.shape[1], piece.score.notes, pitches, FRAME_S)
    bound = factorize(V, W, H, beta=1, max_iterations=60)
    free = factorize(V, *random_init(V, len(pitches), np.random.default_rng(0)), beta=1, max_iterations=60)
    figure, axes = canvas(1, 3, height=2.8, sharey=True)
    kept = int(((bound.H == 0) & (H == 0)).sum())
    titles = (
        "start: 1 while a note may sound",
        f"after {bound.iterations} updates: {kept} of {int((H == 0).sum())} zeros kept",
        f"from random values: {int((free.H == 0).sum())} zeros",
    )
    for one, values, title in zip(axes[0], (H, bound.H, free.H), titles, strict=True):
        level = values / np.maximum(values.max(axis=1, keepdims=True), 1e-12)
        extent = (0, piece.mixture.duration_s, -0.5, len(pitches) - 0.5)
        one.imshow(level, origin="lower", aspect="auto", cmap="gray_r", extent=extent, vmin=0, vmax=1)
        one.set_title(title, fontsize=9)
        one.set_xlabel("s", fontsize=8)
        one.tick_params(labelsize=7)
    axes[0, 0].set_ylabel("atom", fontsize=8)
    save(figure, folder)


@picture
def dropout(folder: Path) -> None:
    """What an encoder finds, the score's mask, and what is left of it: structured dropout."""
    from sepkit_score_nmf import pitch_activations, pitch_templates

    piece = RECORDINGS["piano"]()
    V = magnitude(piece.mixture)
    pitches = sorted({note.pitch for note in piece.score.notes})
    W = pitch_templates(len(V), pitches, BIN_HZ, tolerance=0.03)
    encoded = (W / W.sum(axis=0)).T @ V
    mask = pitch_activations(V.shape[1], piece.score.notes, pitches, FRAME_S)
    figure, axes = canvas(1, 3, height=2.8, sharey=True)
    titles = ("H: what the encoder finds", "M: the score's mask", "H ⊙ M: what the decoder gets")
    for one, values, title in zip(axes[0], (encoded, mask, encoded * mask), titles, strict=True):
        extent = (0, piece.mixture.duration_s, -0.5, len(pitches) - 0.5)
        one.imshow(values, origin="lower", aspect="auto", cmap="gray_r", extent=extent)
        one.set_title(title, fontsize=9)
        one.set_xlabel("s", fontsize=8)
        one.tick_params(labelsize=7)
    axes[0, 0].set_ylabel("atom", fontsize=8)
    save(figure, folder)


@picture
def annealing(folder: Path) -> None:
    """A density with two peaks under less and less noise, and chains that Langevin steps lead into the peaks."""
    from sepkit_flow_sgld.langevin import noise_levels

    rng = np.random.default_rng(0)
    centres, width = np.array([-2.0, 2.0]), 0.12
    grid = np.linspace(-5, 5, 801)

    def log_density(x, sigma):
        variance = width**2 + sigma**2
        return (
            np.logaddexp.reduce(-((x[..., np.newaxis] - centres) ** 2) / (2 * variance), axis=-1) - np.log(variance) / 2
        )

    def score(x, sigma):
        variance = width**2 + sigma**2
        near = np.exp(-((x[..., np.newaxis] - centres) ** 2) / (2 * variance) + 1e-300)
        share = (near + 1e-300) / (near + 1e-300).sum(axis=-1, keepdims=True)
        return (share * (centres - x[..., np.newaxis])).sum(axis=-1) / variance

    ladder = list(noise_levels(3.0, 0.05, 8))
    figure, axes = canvas(1, 2, height=2.8)
    for sigma in ladder[::2]:
        density = np.exp(log_density(grid, sigma))
        axes[0, 0].plot(grid, density / density.max(), linewidth=1, label=f"σ = {sigma:.2f}")
    axes[0, 0].legend(fontsize=7)
    axes[0, 0].set_title("the prior, seen through noise", fontsize=9)
    chains = rng.normal(0, 3, 40)
    path = [chains]
    for sigma in ladder:
        step = 0.2 * sigma**2
        for _ in range(25):
            chains = chains + step * score(chains, sigma) + np.sqrt(2 * step) * rng.standard_normal(len(chains))
            path.append(chains)
    axes[0, 1].plot(np.array(path), color="tab:blue", linewidth=0.4)
    axes[0, 1].set_title("40 chains go down the ladder", fontsize=9)
    axes[0, 1].set_xlabel("step", fontsize=8)
    for one in axes[0]:
        one.tick_params(labelsize=7)
    save(figure, folder)


@picture
def all_pole(folder: Path) -> None:
    """Line spectral frequencies, the resonances that they make, and the partials of a voice under them."""
    import torch

    from sepkit_source_filter.lsf import log_gain

    lsf = torch.tensor([0.18, 0.24, 0.42, 0.5, 0.95, 1.05, 1.6, 2.0, 2.4, 2.8], dtype=torch.float64)
    angles = torch.linspace(0, np.pi, 1500, dtype=torch.float64)
    gain_db = 20 / np.log(10) * log_gain(lsf, torch.cos(angles)).numpy()
    khz = angles.numpy() / np.pi * 8
    figure, axes = canvas(1, 1, height=2.8)
    axes[0, 0].plot(khz, gain_db, linewidth=1.2)
    partials = np.arange(0.22, 8, 0.22)
    axes[0, 0].vlines(partials, gain_db.min(), np.interp(partials, khz, gain_db), linewidth=0.8, color="tab:orange")
    axes[0, 0].vlines(lsf.numpy() / np.pi * 8, gain_db.min() - 8, gain_db.min() - 1, color="black", linewidth=1.5)
    axes[0, 0].set_xlabel("kHz", fontsize=8)
    axes[0, 0].set_ylabel("dB", fontsize=8)
    axes[0, 0].set_title(
        "|1/A| (line), partials of F0 = 220 Hz (orange), line spectral frequencies (below)", fontsize=9
    )
    axes[0, 0].tick_params(labelsize=7)
    save(figure, folder)


@picture
def tones(folder: Path) -> None:
    """The same instrument at two pitches: on a logarithmic axis of frequency its pattern is only moved."""
    strengths = np.array([0.7, 1, 0.8, 0.6, 0.65, 0.4])
    figure, axes = canvas(1, 2, height=2.4)
    f_hz = np.linspace(50, 4000, 4000)
    for pitch, colour in ((60, "tab:blue"), (67, "tab:orange")):
        spectrum = sum(
            strength * np.exp(-((f_hz - number * hz(pitch)) ** 2) / (2 * 12**2))
            for number, strength in enumerate(strengths, 1)
        )
        axes[0, 0].plot(f_hz, spectrum, color=colour, linewidth=1, label=f"{hz(pitch):.0f} Hz")
        log_f = np.log2(f_hz)
        on_log = sum(
            strength * np.exp(-((log_f - np.log2(number * hz(pitch))) ** 2) / (2 * 0.02**2))
            for number, strength in enumerate(strengths, 1)
        )
        axes[0, 1].plot(log_f, on_log, color=colour, linewidth=1)
    axes[0, 0].legend(fontsize=7)
    axes[0, 0].set_title("frequency in Hz: stretched", fontsize=9)
    axes[0, 1].set_title("logarithm of frequency, in octaves: moved", fontsize=9)
    for one in axes[0]:
        one.tick_params(labelsize=7)
        one.set_yticks([])
    save(figure, folder)


@picture
def repetition(folder: Path) -> None:
    """The beat spectrum of a song, with the period that was found, and one period of the band."""
    from sepkit_classical import beat_spectrum, repeating_period, repeating_segment

    piece = RECORDINGS["song"]()
    V = magnitude(piece.mixture)
    b = beat_spectrum(V)
    period = repeating_period(b, round(0.5 / FRAME_S), round(3 / FRAME_S))
    figure, axes = canvas(1, 2, height=2.6)
    lags_s = np.arange(len(b)) * FRAME_S
    shown = lags_s < 5
    axes[0, 0].plot(lags_s[shown], b[shown], linewidth=0.9)
    for multiple in range(1, 4):
        if multiple * period * FRAME_S < 5:
            axes[0, 0].axvline(multiple * period * FRAME_S, color="tab:orange", linewidth=0.9)
    axes[0, 0].set_title(f"beat spectrum; the period found is {period * FRAME_S:.2f} s", fontsize=9)
    axes[0, 0].set_xlabel("lag in s", fontsize=8)
    axes[0, 0].tick_params(labelsize=7)
    segment = repeating_segment(V, period)
    show(axes[0, 1], decibels(segment, V.max()), piece.mixture.duration_s, RATE, vmin=-60, vmax=0, cmap="magma")
    axes[0, 1].set_title("the median of all periods, repeated", fontsize=9)
    save(figure, folder)


@picture
def low_rank(folder: Path) -> None:
    """A spectrogram, its part of low rank, and its sparse part."""
    from sepkit_classical import robust_pca

    piece = RECORDINGS["song"]()
    V = magnitude(piece.mixture)[:TOP]
    L, S = robust_pca(V, 1.0 / np.sqrt(max(V.shape)))
    figure, axes = canvas(1, 3, height=2.4, sharey=True)
    titles = (
        "M",
        f"L: rank {np.linalg.matrix_rank(L, tol=1e-3 * np.linalg.norm(L, 2))}",
        f"S: {np.mean(S == 0):.0%} zeros",
    )
    for one, values, title in zip(axes[0], (V, np.abs(L), np.abs(S)), titles, strict=True):
        show(one, decibels(values, V.max()), piece.mixture.duration_s, 2 * TOP_HZ, vmin=-60, vmax=0, cmap="magma")
        one.set_title(title, fontsize=9)
    save(figure, folder)


@picture
def medians(folder: Path) -> None:
    """A spectrogram smoothed by medians along time, and along frequency."""
    import scipy.ndimage

    piece = RECORDINGS["tones_and_drums"]()
    V = magnitude(piece.mixture)
    figure, axes = canvas(1, 3, height=2.4, sharey=True)
    along = (V, scipy.ndimage.median_filter(V, (1, 17)), scipy.ndimage.median_filter(V, (17, 1)))
    for one, values, title in zip(
        axes[0], along, ("mixture", "medians along time", "medians along frequency"), strict=True
    ):
        show(one, decibels(values, V.max()), piece.mixture.duration_s, RATE, vmin=-60, vmax=0, cmap="magma")
        one.set_title(title, fontsize=9)
    save(figure, folder)
