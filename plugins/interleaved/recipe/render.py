"""Compose pieces and render them into stems: ``python render.py OUT --soundfont A.sf3 --soundfont B.sf2``.

OUT/{train,valid,test}/TRACK/ holds mixture, drums, bass and other, or with ``--concerto`` mixture, piano and strings,
in stereo at 44.1 kHz. Equal seeds, soundfonts and versions of FluidSynth give equal recordings.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pretty_midi
import soundfile
from compose import Piece, compose
from numpy.typing import NDArray
from scipy.signal import lfilter, oaconvolve
from synths import perform

Rng = np.random.Generator
Signal = NDArray[np.float32]
RATE = 44100
STYLES = ("band", "electronic", "band", "jazz", "electronic", "band", "chamber", "electronic")
"""In turn, so that every part of the corpus has its share of each."""
COUNTS = {"train": 40, "valid": 8, "test": 8}
CONCERTOS = {"train": 12, "valid": 2, "test": 6}
LEVEL_DB = {"drums": -1.0, "bass": -4.0, "other": 0.0, "piano": 0.0, "strings": 0.0}
TAIL_S = 1.0


@dataclass(frozen=True)
class Room:
    """Two channels of noise that decays exponentially, high frequencies faster.

    Attributes
    ----------
    response : ndarray [shape=(2, samples)]
        Of unit energy, without the direct sound.
    """

    response: Signal

    @classmethod
    def draw(cls, rng: Rng) -> Room:
        """A room between a booth and a hall."""
        decay_s = float(np.exp(rng.uniform(np.log(0.15), np.log(1.6))))
        time = np.arange(round(1.2 * decay_s * RATE)) / RATE
        noise = rng.standard_normal((2, len(time)))
        low = lfilter([0.15], [1, -0.85], noise)
        response = low * 10 ** (-3 * time / decay_s) + 0.3 * (noise - low) * 10 ** (-3 * time / (0.5 * decay_s))
        delay = round(float(rng.uniform(0.002, 0.03)) * RATE)
        response = np.pad(response, ((0, 0), (delay, 0)))
        return cls((response / np.sqrt((response**2).sum() / 2)).astype(np.float32))

    def around(self, signal: Signal, level_db: float) -> Signal:
        """A signal in this room, the reverberation `level_db` beside the direct sound [shape=(2, samples)]."""
        wet = np.stack([oaconvolve(signal.mean(axis=0), one)[: signal.shape[1]] for one in self.response])
        return signal + (10 ** (level_db / 20) * wet).astype(np.float32)


@dataclass(frozen=True)
class Studio:
    """What renders: soundfonts, of which every piece takes one."""

    soundfonts: tuple[Path, ...]

    def stems(self, piece: Piece, rng: Rng) -> dict[str, Signal]:
        """The stems of a piece as they are mixed [shape=(2, samples) each]."""
        soundfont = self.soundfonts[int(rng.integers(len(self.soundfonts)))]
        room, wetness = Room.draw(rng), float(rng.uniform(-24, -8))
        length = round((piece.midi.get_end_time() + TAIL_S) * RATE)
        stems: dict[str, Signal] = {}
        for instrument in piece.midi.instruments:
            if not instrument.notes:
                continue
            stem = instrument.name.split("/")[0]
            machine = rng.random() < piece.synthetic
            signal = perform(instrument, rng) if machine else synthesize(instrument, soundfont)
            signal = _fitted(signal, length)
            signal = _coloured(_leveled(signal, float(rng.normal(0, 2.5))), rng)
            pan = float(rng.uniform(-0.15, 0.15) if stem in ("drums", "bass") else rng.uniform(-0.8, 0.8))
            wet = wetness + float(rng.normal(0, 3)) - (6 if stem == "bass" else 0)
            stems[stem] = stems.get(stem, np.float32(0)) + room.around(_panned(signal, pan), wet)
        return _mixed(stems, rng)


def synthesize(instrument: pretty_midi.Instrument, soundfont: Path) -> Signal:
    """What FluidSynth plays, dry [shape=(2, samples)]."""
    midi = pretty_midi.PrettyMIDI()
    alone = copy.copy(instrument)
    # FluidSynth stops at the last event, and the last notes are to ring.
    ring = pretty_midi.ControlChange(number=64, value=0, time=instrument.get_end_time() + TAIL_S)
    alone.control_changes = [*instrument.control_changes, ring]
    midi.instruments.append(alone)
    with tempfile.TemporaryDirectory() as folder:
        score, audio = Path(folder, "score.mid"), Path(folder, "audio.wav")
        midi.write(str(score))
        command = ["fluidsynth", "-n", "-i", "-q", "-R", "0", "-C", "0", "-g", "0.4", "-o", "synth.default-soundfont="]
        command += ["-o", "synth.dynamic-sample-loading=1", "-r", str(RATE), "-T", "wav", "-O", "float"]
        command += ["-F", str(audio), str(soundfont), str(score)]
        subprocess.run(command, check=True, capture_output=True)
        samples, _ = soundfile.read(audio, dtype="float32", always_2d=True)
    if not samples.any():
        raise click.ClickException(f"fluidsynth rendered silence with {soundfont}")
    return samples.T


def _fitted(signal: Signal, length: int) -> Signal:
    return np.pad(signal[:, :length], ((0, 0), (0, max(0, length - signal.shape[1]))))


def _leveled(signal: Signal, level_db: float) -> Signal:
    """At a level over what sounds, silences left out."""
    power = (signal**2).mean(axis=0)
    sounding = power[power > 1e-4 * power.max()].mean()
    return signal * np.float32(0.1 * 10 ** (level_db / 20) / np.sqrt(sounding))


def _coloured(signal: Signal, rng: Rng) -> Signal:
    """Through a tone control, and sometimes an amplifier that is driven."""
    pole = float(np.exp(-2 * np.pi * rng.uniform(300, 3000) / RATE))
    low = lfilter([1 - pole], [1, -pole], signal)
    tilt_db = float(rng.normal(0, 3))
    signal = 10 ** (tilt_db / 40) * low + 10 ** (-tilt_db / 40) * (signal - low)
    drive = float(rng.uniform(1, 4)) if rng.random() < 0.4 else 0.0
    return (np.tanh(drive * signal) / drive if drive else signal).astype(np.float32)


def _panned(signal: Signal, pan: float) -> Signal:
    angle = (pan + 1) * np.pi / 4
    return signal * (np.sqrt(2) * np.array([[np.cos(angle)], [np.sin(angle)]])).astype(np.float32)


def _mixed(stems: dict[str, Signal], rng: Rng) -> dict[str, Signal]:
    """Stems at levels as mixes have them, with a peak of the mixture below full scale."""
    balanced = {name: _leveled(stem, LEVEL_DB[name] + float(rng.normal(0, 2.5))) for name, stem in stems.items()}
    peak = max(float(np.abs(signal).max()) for signal in (sum(balanced.values()), *balanced.values()))
    gain = np.float32(10 ** (float(rng.uniform(-6, -1)) / 20) / peak)
    return {name: gain * stem for name, stem in balanced.items()}


def write(folder: Path, stems: dict[str, Signal], piece: Piece) -> None:
    """One track: mixture, stems, score, and where stems have passages for themselves."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name, signal in {"mixture": sum(stems.values()), **stems}.items():
        soundfile.write(part / f"{name}.flac", signal.T, RATE, subtype="PCM_16")
    piece.midi.write(str(part / "score.mid"))
    if piece.solos:
        (part / "solos.json").write_text(json.dumps(piece.solos) + "\n")
    part.rename(folder)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--soundfont", "soundfonts", multiple=True, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--concerto", is_flag=True, help="Piano and strings in place of bands.")
@click.option("--held-back", type=click.Path(exists=True, path_type=Path), help="Soundfont of the part test alone.")
@click.option("--seconds", default=40.0, show_default=True, help="Least length of a piece, beside solos.")
@click.option("--seed", default=1908, show_default=True)
def main(
    out: Path, soundfonts: tuple[Path, ...], concerto: bool, held_back: Path | None, seconds: float, seed: int
) -> None:
    """Compose and render a corpus into OUT; tracks that are there already stay."""
    number = 0
    for part, count in (CONCERTOS if concerto else COUNTS).items():
        studio = Studio((held_back,) if held_back and part == "test" else soundfonts)
        for _ in range(count):
            style = "concerto" if concerto else STYLES[number % len(STYLES)]
            folder = out / part / f"{style}-{number:03d}"
            if not folder.is_dir():
                rng = np.random.default_rng([seed, int(concerto), number])
                # Only what is measured begins with solos.
                solos = ("strings", "piano") if concerto and part == "test" else ()
                piece = compose(style, seconds, rng, solos)
                write(folder, studio.stems(piece, rng), piece)
                click.echo(folder)
            number += 1


if __name__ == "__main__":
    main()
