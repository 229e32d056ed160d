"""Measure the alignment of scores: ``python benchmarks/alignment.py {accuracy,refusal,gain,resources} DATA``.

DATA is a folder of recordings with scores. Prints Markdown.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from sepkit import Audio, Method, Note, Score, Separation, example
from sepkit.alignment import align, alignment
from sepkit.alignment.fitting import CLEARLY
from sepkit.errors import SepkitError
from sepkit.evaluation import evaluate

Times = Callable[[NDArray[np.float64]], NDArray[np.float64]]

DOUBTFUL = 0.13
"""By how much costs fall at most where a score that is moved may have been better as it was."""


@dataclass(frozen=True)
class Piece:
    """A recording with its score; pieces of one work are no wrong pairs.

    Attributes
    ----------
    name, work : str
    audio : Audio
    score : Score
        As given.
    onsets_s : ndarray [shape=(notes,)]
        When the recording plays each note of the score, NaN where that is not known.
    """

    name: str
    work: str
    audio: Audio
    score: Score
    onsets_s: NDArray[np.float64]


def pieces(data: Path) -> Iterator[Piece]:
    """Right pairs."""

    def exact(name: str, audio: Audio, score: Score, work: str | None = None, known: bool = True) -> Piece:
        onsets_s = np.array([note.onset_s if known else np.nan for note in score.notes])
        return Piece(name, work or name, audio, score, onsets_s)

    def read(folder: str, score: str, audio: str = "mixture.flac") -> tuple[Audio, Score]:
        return Audio.read(data / folder / audio), Score.read(data / folder / score)

    bundled = example.load()
    yield exact("example", bundled.mixture, bundled.score)
    yield exact("render: chorale", *read("render/chorale_bwv253", "score.mid"))
    yield exact("render: piano", *read("render/piano_hands_chopin_op10_no3_p01", "score.mid"), "chopin")
    songs = "scores/libsoni"
    yield exact("fugue", *read(songs, *(f"FMP_C1_F12_Bach_BWV846_Sibelius-Tracks.{end}" for end in ("csv", "flac"))))
    schubert = (f"FMP_B_Sonify_Pitch_Schubert_D911-11_SC06.{end}" for end in ("csv", "flac"))
    yield exact("voice and piano", *read(songs, *schubert))
    yield exact("piano, 4 s", *read("scores/madmom", "stereo_sample.mid", "stereo_sample.flac"))
    for name in ("mix02_bwv385", "mix05_bwv255", "mix06_bwv274"):
        yield exact(f"bach10: {name[6:]}", *read(f"bach10/{name}", "score.mid"))
    for name in ("01_jupiter", "24_pirates"):
        audio, written = read(f"urmp/{name}", "score_unaligned.mid")
        played = Score.read(data / "urmp" / name / "score.mid")
        yield Piece(f"urmp: {name}", name, audio, written, played_onsets_s(written, played))
    for pianist in ("Igoshina", "Varsi"):
        stem = "Chopin_Op010-03-Measures1-8"
        pair = read("scores/synctoolbox", f"{stem}_MIDI.csv", f"{stem}_{pianist}.flac")
        yield exact(f"piano: {pianist}", *pair, "chopin", known=False)


def played_onsets_s(written: Score, played: Score) -> NDArray[np.float64]:
    """Onsets of the written notes of which `played`, the beginning, has the times: part by part, in order."""
    onsets_s = {}
    for part in played.parts:
        notes = played.part(part).notes
        in_writing = max(
            (written.part(name).notes for name in written.parts),
            key=lambda theirs: sum(a.pitch == b.pitch for a, b in zip(notes, theirs, strict=False)),
        )
        onsets_s.update({theirs: note.onset_s for note, theirs in zip(notes, in_writing, strict=False)})
    return np.array([onsets_s.get(note, np.nan) for note in written.notes])


def other_recordings(data: Path) -> Iterator[tuple[str, Audio]]:
    """Recordings of which there is no score here, the first 25 s of each."""
    folders = ("choral", "drums", "guitar", "violin_piano", "vocals")
    files = [file for folder in folders for file in sorted((data / folder).glob("*/mixture.*"))]
    scored = ("Schubert", "BWV846")
    files += [f for f in sorted((data / "scores/libsoni").glob("*.flac")) if not any(name in f.name for name in scored)]
    for file in files:
        audio = Audio.read(file)
        yield f"{file.parent.name}/{file.stem}", Audio(audio.samples[:, : 25 * audio.sample_rate], audio.sample_rate)


def distortions(piece: Piece) -> Iterator[tuple[str, Piece]]:
    """The piece with its score, or its recording, made harder."""

    def by(times: Times) -> Piece:
        return replace(piece, score=piece.score.mapped(times))

    yield "as it is", piece
    for percent in (-30, -10, 10, 30):
        yield f"score {percent:+d} % in time", by(lambda t, factor=1 + percent / 100: factor * t)
    yield "tempo of the score swings by 30 %", by(lambda t: t + 0.3 * 8 / (2 * np.pi) * np.sin(2 * np.pi * t / 8))
    yield "score 1 s late", by(lambda t: t + 1)
    audio, rate = piece.audio, piece.audio.sample_rate
    silence = np.zeros((audio.channels, 3 * rate), np.float32)
    late = Audio(np.concatenate([silence, audio.samples], axis=1), rate)
    yield "3 s of silence before", replace(piece, audio=late, onsets_s=piece.onsets_s + 3)
    sharp = 2 ** (30 / 1200)
    samples = audio.resample(round(rate / sharp)).samples
    yield "recording 30 cents sharp", replace(piece, audio=Audio(samples, rate), onsets_s=piece.onsets_s / sharp)


def errors_ms(piece: Piece, backend: alignment.Backend) -> NDArray[np.float64]:
    """Absolute errors of the onsets that are known, in milliseconds."""
    path_s = align(piece.audio, piece.score, backend=backend).path_s
    found_s = np.interp([note.onset_s for note in piece.score.notes], *path_s)
    errors: NDArray[np.float64] = np.abs(found_s - piece.onsets_s)
    return 1000 * errors[np.isfinite(errors)]


def transposed(score: Score, semitones: int) -> Score:
    """The score in another key."""
    return Score(tuple(replace(note, pitch=np.clip(note.pitch + semitones, 0, 127)) for note in score.notes))


def reversed_(score: Score) -> Score:
    """The score from its end to its beginning."""
    end_s = max(note.offset_s for note in score.notes)
    return Score(tuple(replace(n, onset_s=end_s - n.offset_s, offset_s=end_s - n.onset_s) for n in score.notes))


def cost(audio: Audio, score: Score, backend: alignment.Backend) -> float:
    """Of any pair, also one that would be refused."""
    try:
        return align(audio, score, backend=backend).cost
    except SepkitError:
        return 1.0


@click.group()
def main() -> None:
    """Measure the alignment of scores."""


def with_backend(command: Callable[..., None]) -> Callable[..., None]:
    choice = click.Choice(["builtin", "synctoolbox"])
    return click.option("--backend", type=choice, default="builtin", show_default=True)(command)


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@with_backend
def accuracy(data: Path, backend: alignment.Backend) -> None:
    """Errors of onsets in milliseconds: median / 90 % / worst."""
    alignment.LARGEST_COST = 1.0
    exact = [piece for piece in pieces(data) if piece.name in ("example", "render: chorale", "render: piano", "fugue")]
    print(f"| {backend} |", " | ".join(piece.name for piece in exact), "|\n| --- |" + " ---: |" * len(exact))
    for rows in zip(*(distortions(piece) for piece in exact), strict=True):
        print(f"| {rows[0][0]} |", " | ".join(told(errors_ms(piece, backend)) for _, piece in rows), "|", flush=True)
    print("\n| recorded music | onsets | errors |\n| --- | ---: | ---: |")
    for piece in pieces(data):
        if piece.name not in [known.name for known in exact] and np.isfinite(piece.onsets_s).any():
            errors = errors_ms(piece, backend)
            print(f"| {piece.name} | {len(errors)} | {told(errors)} |", flush=True)


def told(errors: NDArray[np.float64]) -> str:
    """Median / 90 % / worst."""
    return f"{np.median(errors):.0f} / {np.percentile(errors, 90):.0f} / {errors.max():.0f}"


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@with_backend
def refusal(data: Path, backend: alignment.Backend) -> None:
    """Costs of right and wrong pairs, and a threshold from every other piece checked on the rest."""
    alignment.LARGEST_COST = 1.0
    features = lru_cache(maxsize=None)(alignment.recording_features)
    alignment.recording_features = lambda audio, steps: features(audio)
    right = list(pieces(data))
    others = list(other_recordings(data))
    print("| score | its recording | other recordings, least | transposed, least | reversed |")
    print("| --- | ---: | ---: | ---: | ---: |")
    table = []
    for piece in right:
        recordings = [other.audio for other in right if other.work != piece.work] + [audio for _, audio in others]
        keys = [semitones for semitones in range(-6, 7) if semitones] + [-12, 12]
        row = (
            [cost(piece.audio, piece.score, backend)],
            [cost(audio, piece.score, backend) for audio in recordings],
            [cost(piece.audio, transposed(piece.score, semitones), backend) for semitones in keys],
            [cost(piece.audio, reversed_(piece.score), backend)],
        )
        table.append((row[0][0], [value for values in row[1:] for value in values]))
        print(f"| {piece.name} |", " | ".join(f"{min(values):.3f}" for values in row), "|", flush=True)
    for begin in (0, 1):
        known, unknown = table[begin::2], table[1 - begin :: 2]
        threshold = (max(cost for cost, _ in known) + min(min(costs) for _, costs in known)) / 2
        accepted = sum(cost <= threshold for cost, _ in unknown)
        refused = sum(cost > threshold for _, costs in unknown for cost in costs)
        wrong = sum(len(costs) for _, costs in unknown)
        print(
            f"\nThreshold {threshold:.3f} from {len(known)} pieces; of the others it accepts {accepted} of "
            f"{len(unknown)} right pairs and refuses {refused} of {wrong} wrong ones."
        )


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--as-they-are", is_flag=True, help="Only the scores that come with the recordings, none displaced.")
@click.option("--doubtful", is_flag=True, help=f"Only scores moved for costs that fall by less than {DOUBTFUL}.")
def gain(data: Path, as_they_are: bool, doubtful: bool) -> None:
    """What moving notes is worth: mean SDR of score-nmf with the score as it is, and moved; and what it costs."""
    alignment.LARGEST_COST = 1.0
    method, table, seconds = Method("score-nmf"), [], np.zeros(2)
    print("| piece, score | cost | moved | SDR | moved |\n| --- | ---: | ---: | ---: | ---: |")
    for name, mixture, score, stems in separable(data):
        for how, given in [("as it is", score)] if as_they_are else displaced(score):
            clock = [time.perf_counter()]
            moved = align(mixture, given)
            if doubtful and not CLEARLY < moved.cost_as_given - moved.cost < DOUBTFUL:
                continue
            clock.append(time.perf_counter())
            separations = [method.separate(mixture, score=each, align="never") for each in (given, moved.score)]
            clock.append(time.perf_counter())
            # The separations compared score and recording too, each once.
            seconds += (clock[1] - clock[0], (clock[2] - clock[1]) / 2 - (clock[1] - clock[0]))
            sdrs = [mean_sdr(separation, stems) for separation in separations]
            table.append((how == "as it is", moved.cost_as_given - moved.cost, sdrs[1] - sdrs[0]))
            costs = f"{moved.cost_as_given:.3f} | {moved.cost:.3f}"
            print(f"| {name}, {how} | {costs} | {sdrs[0]:.2f} | {sdrs[1]:.2f} |", flush=True)
    as_given, fall, won = np.array(table).T
    for which, rows in (("as given", as_given == 1), ("all", as_given >= 0)):
        for rule, moves in (("always", fall > -1), ("auto", fall > CLEARLY)):
            gains = np.where(moves, won, 0)[rows]
            told = f"{gains.mean():+.2f} dB on average, {gains.min():+.2f} dB at worst"
            print(f"\n{which}, {rule}: {told}, {moves[rows].sum()} of {rows.sum()} moved")
    print(f"\ncomparing takes {seconds[0] / seconds[1]:.0%} of the time of separating")


def separable(data: Path) -> Iterator[tuple[str, Audio, Score, dict[str, Audio]]]:
    """Recordings with a score and the true stems."""
    for piece in (None, "piano"):
        bundled = example.load(piece) if piece else example.load()
        yield f"example {piece or ''}".strip(), bundled.mixture, bundled.score, dict(bundled.stems)
    for folder in sorted({path.parent for path in data.glob("*/*/score*.mid") if (path.parent / "stems").is_dir()}):
        stems = {file.stem: Audio.read(file) for file in sorted((folder / "stems").iterdir())}
        for score in sorted(folder.glob("score*.mid")):
            yield f"{folder.name} {score.stem}", Audio.read(folder / "mixture.flac"), Score.read(score), stems


def displaced(score: Score) -> Iterator[tuple[str, Score]]:
    """The score as it is and at other times, a little and clearly."""
    yield "as it is", score
    for late_s in (0.03, 0.06, 0.1, 0.2):
        yield f"{late_s:g} s late", score.mapped(lambda t, late_s=late_s: t + late_s)
    yield "2 % slower", score.mapped(lambda t: 1.02 * t)
    rng = np.random.default_rng(0)
    yield "onsets 50 ms off at random", Score(tuple(_jittered(note, rng) for note in score.notes))


def _jittered(note: Note, rng: np.random.Generator) -> Note:
    onset_s = max(0.0, min(note.onset_s + rng.normal(0, 0.05), note.offset_s - 0.02))
    return replace(note, onset_s=onset_s)


def mean_sdr(separation: Separation, stems: dict[str, Audio]) -> float:
    """Over the sources, assigned to the stems that they are most like: parts have names of their own."""
    sdrs = evaluate(separation, stems, metrics=["sdr"], permute=True).values["SDR"]
    return float(np.mean(list(sdrs.values())))


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@with_backend
def resources(data: Path, backend: alignment.Backend) -> None:
    """Time and memory for ten minutes of piano."""
    piece = next(piece for piece in pieces(data) if piece.name == "render: piano")
    repeats, length_s = 24, piece.audio.duration_s
    audio = Audio(np.tile(piece.audio.samples, repeats), piece.audio.sample_rate)
    notes = [
        replace(note, onset_s=note.onset_s + copy * length_s, offset_s=note.offset_s + copy * length_s, pitch=pitch)
        for copy in range(repeats)
        for note in piece.score.notes
        for pitch in (note.pitch, note.pitch + 12)
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    align(audio, Score(tuple(notes)), backend=backend)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{audio.duration_s / 60:.0f} minutes, {len(notes)} notes: {seconds:.1f} s, {peak / 1024:.0f} MiB more")


if __name__ == "__main__":
    main()
