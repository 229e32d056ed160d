"""Render the bundled examples from their scores: ``python -m sepkit.example.render --soundfont PATH``.

Needs the ``fluidsynth`` program and a General MIDI soundfont; both are needed only to make the recordings again.
"""

from __future__ import annotations

import copy
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import numpy.typing as npt

from sepkit.example import compose, compose_piano

if TYPE_CHECKING:
    import pretty_midi

__all__ = ["balance", "fit", "main", "render_ode", "render_piano", "synthesize", "synthesize_file"]

Signal = npt.NDArray[np.float64]

SAMPLE_RATE = 44100
SECONDS = 11.6
"""Length of the ode: eight bars (10.9 s) and time for the last notes to ring."""
FADE_SECONDS = 0.25
TAIL_SECONDS = 0.7

LEVELS_DB = {"flute": 0.0, "cello": 1.0, "drums": -1.0}
"""Level (RMS) of each stem of the ode beside the others."""
PEAK_DB = -1.5
"""Peak of the mixture."""


def synthesize(midi: pretty_midi.PrettyMIDI, soundfont: Path) -> Signal:
    """Render a score with fluidsynth, dry.

    Parameters
    ----------
    midi : pretty_midi.PrettyMIDI
        The score.
    soundfont : Path
        A General MIDI soundfont that fluidsynth reads (SF2 or SF3).

    Returns
    -------
    ndarray
        The mono signal at `SAMPLE_RATE`, from the score's start to `TAIL_SECONDS` after its end.

    Raises
    ------
    click.ClickException
        If fluidsynth or the soundfont is missing, or fluidsynth fails.
    """
    import pretty_midi

    # fluidsynth stops at the last event, which would cut the last notes short: put an event that does nothing later on.
    end = midi.get_end_time() + TAIL_SECONDS
    midi = copy.deepcopy(midi)
    midi.instruments[0].control_changes.append(pretty_midi.ControlChange(number=64, value=0, time=end))
    with tempfile.TemporaryDirectory() as folder:
        score = Path(folder, "score.mid")
        midi.write(str(score))
        return synthesize_file(score, soundfont)[: round(end * SAMPLE_RATE)]


def synthesize_file(score: Path, soundfont: Path) -> Signal:
    """Render a MIDI file with fluidsynth, dry.

    Returns
    -------
    ndarray
        The mono signal at `SAMPLE_RATE`, up to a second or two after the last event.

    Raises
    ------
    click.ClickException
        If fluidsynth or the soundfont is missing, or fluidsynth fails.
    """
    import soundfile

    program = shutil.which("fluidsynth")
    if program is None:
        raise click.ClickException("fluidsynth is not installed, or not on the PATH")
    if not soundfont.is_file():
        raise click.ClickException(f"no such soundfont: {soundfont}")
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder, "audio.wav")
        # Without the empty default, fluidsynth would quietly play its own soundfont in place of one it cannot read.
        command = [program, "-n", "-i", "-q", "-R", "0", "-C", "0", "-g", "0.4", "-o", "synth.default-soundfont="]
        # Of a large soundfont only what the score plays is decoded; the sound is the same.
        command += ["-o", "synth.dynamic-sample-loading=1"]
        command += ["-r", str(SAMPLE_RATE), "-T", "wav", "-O", "float", "-F", str(audio), str(soundfont), str(score)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not audio.is_file():
            raise click.ClickException(f"fluidsynth failed: {_reason(done.stderr)}")
        stereo, _ = soundfile.read(audio, always_2d=True)
    signal: Signal = stereo.mean(axis=1)
    if not signal.any():  # its exit status is 0 all the same
        raise click.ClickException(f"fluidsynth rendered silence: {_reason(done.stderr)}")
    return signal


def fit(signal: Signal, seconds: float) -> Signal:
    """Trim or pad a signal to a length, with a short fade at its end.

    Parameters
    ----------
    signal : ndarray
        A mono signal at `SAMPLE_RATE`.
    seconds : float
        The length wanted.

    Returns
    -------
    ndarray
        The new signal.
    """
    length = round(seconds * SAMPLE_RATE)
    fitted = np.zeros(length)
    kept = min(length, len(signal))
    fitted[:kept] = signal[:kept]
    fade = round(FADE_SECONDS * SAMPLE_RATE)
    fitted[-fade:] *= np.cos(np.linspace(0.0, np.pi / 2, fade)) ** 2
    return fitted


def balance(stems: dict[str, Signal]) -> dict[str, float]:
    """Choose gains that bring the stems to `LEVELS_DB` and their sum to a peak of `PEAK_DB`.

    Parameters
    ----------
    stems : dict of str to ndarray
        Signals of one length, by source.

    Returns
    -------
    dict of str to float
        The factor for each source.
    """
    gains = {name: _amplitude(LEVELS_DB[name]) / float(np.sqrt(np.mean(stem**2))) for name, stem in stems.items()}
    scale = _gain_to_peak([gains[name] * stem for name, stem in stems.items()])
    return {name: scale * gain for name, gain in gains.items()}


def render_ode(soundfont: Path, out: Path) -> None:
    """Write the ode: three stems, three training recordings and the score.

    Parameters
    ----------
    soundfont : Path
    out : Path
        A folder.

    Raises
    ------
    click.ClickException
        As `synthesize`.
    """
    parts = {name: getattr(compose, name)() for name in compose.SOURCES}
    examples = {name: getattr(compose, f"{name}_example")() for name in compose.SOURCES}
    stems = {name: fit(synthesize(part, soundfont), SECONDS) for name, part in parts.items()}
    for name, gain in balance(stems).items():
        _write(out / f"{name}.flac", gain * stems[name])
        # The training recording keeps its stem's gain, as if both were recorded at one distance.
        raw = synthesize(examples[name], soundfont)
        _write(out / f"{name}_example.flac", gain * fit(raw, len(raw) / SAMPLE_RATE))
    compose.score().write(str(out / "score.mid"))


def render_piano(soundfont: Path, out: Path) -> None:
    """Write the piano piece: a stem for each hand, as loud beside the other as it is played, and the score.

    Parameters
    ----------
    soundfont : Path
    out : Path
        A folder.

    Raises
    ------
    click.ClickException
        As `synthesize`.
    """
    import pretty_midi

    compose_piano.score().write(out / "score.mid")
    both = pretty_midi.PrettyMIDI(str(out / "score.mid"))
    seconds = both.get_end_time() + TAIL_SECONDS
    stems = {}
    for instrument in both.instruments:
        hand = copy.copy(both)
        hand.instruments = [instrument]
        stems[instrument.name] = fit(synthesize(hand, soundfont), seconds)
    gain = _gain_to_peak(list(stems.values()))
    for name, stem in stems.items():
        _write(out / f"{name}.flac", gain * stem)


@click.command()
@click.option("--soundfont", type=click.Path(path_type=Path), required=True, help="A General MIDI soundfont.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to.  [default: this package's]")
def main(soundfont: Path, out: Path | None) -> None:
    """Render the bundled examples, the piano piece into a folder within."""
    out = out or Path(__file__).parent
    (out / "piano").mkdir(parents=True, exist_ok=True)
    render_ode(soundfont, out)
    render_piano(soundfont, out / "piano")


def _write(path: Path, signal: Signal) -> None:
    import soundfile

    if np.abs(signal).max() >= 1.0:
        raise click.ClickException(f"{path.name} would clip: lower PEAK_DB")
    soundfile.write(path, signal, SAMPLE_RATE, subtype="PCM_16")


def _gain_to_peak(stems: list[Signal]) -> float:
    """The factor that brings the sum of `stems` to a peak of `PEAK_DB`."""
    return _amplitude(PEAK_DB) / float(np.abs(np.sum(stems, axis=0)).max())


def _amplitude(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))


def _reason(log: str) -> str:
    """Return the line of fluidsynth's messages that says most."""
    lines = log.strip().splitlines() or ["it gave no reason"]
    return next((line for line in lines if "error" in line), lines[-1])


if __name__ == "__main__":
    main()
