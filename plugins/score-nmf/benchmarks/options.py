"""What options are worth: mean SDR of a method informed by a score on every track, with its defaults and with others.

A track is a folder with ``mixture.*``, ``stems/<source>.*`` and ``score.mid``; every ``--with`` is one set of options::

    python plugins/score-nmf/benchmarks/options.py TRACK [TRACK ...] --with window_s=0.046 \\
        --with shared_envelope=0,unexplained=residual [--seconds 20] [--beside nae]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import sepkit
from sepkit.evaluation import evaluate
from sepkit.evaluation.datasets.folder import Folder
from sepkit.music.score import Score

_ALIKE_DB = 0.01
_HEADINGS = ("the defaults over", "tracks", "mean gain, dB", "won", "lost", "worst")


def main() -> None:
    """Print a row a track as it is measured, and what the defaults gain over each set on tracks where they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="+")
    parser.add_argument("--with", dest="others", action="append", default=[], metavar="KEY=VALUE,...")
    parser.add_argument("--method", default="score-nmf", help="whose options they are")
    parser.add_argument("--beside", action="append", default=[], metavar="METHOD", help="another, with its defaults")
    parser.add_argument("--seconds", type=float, default=np.inf, help="of each track, from its beginning")
    arguments = parser.parse_args()
    configs = [dict(pair.split("=") for pair in text.split(",")) for text in arguments.others]
    methods = [sepkit.Method(arguments.method, config=config) for config in [{}, *configs]]
    methods += map(sepkit.Method, arguments.beside)
    names = ["defaults", *arguments.others, *arguments.beside]
    print(f"| track | {' | '.join(names)} |\n| --- |{' ---: |' * len(methods)}")
    rows = []
    for path in arguments.tracks:
        (track,) = Folder(path=path).tracks()
        mixture, stems, score = track.load_mixture(), track.load_stems(), track.load_score()
        assert score is not None
        mixture, *cut = (beginning(audio, arguments.seconds) for audio in (mixture, *stems.values()))
        score = Score(tuple(note for note in score.notes if note.onset_s < mixture.duration_s))
        rows.append([mean_sdr(method, mixture, score, dict(zip(stems, cut, strict=True))) for method in methods])
        print(f"| {track.name} | {' | '.join(f'{value:.2f}' for value in rows[-1])} |", flush=True)
    sdr = np.array(rows)
    print(f"\n| {' | '.join(_HEADINGS)} |\n| --- |{' ---: |' * (len(_HEADINGS) - 1)}")
    for text, others in zip(names[1:], sdr[:, 1:].T, strict=True):
        # Options that a track has by default change no byte of it.
        gain = (sdr[:, 0] - others)[sdr[:, 0] != others]
        if not len(gain):
            continue
        won, lost = (gain >= _ALIKE_DB).sum(), (gain <= -_ALIKE_DB).sum()
        print(f"| `{text}` | {len(gain)} | {gain.mean():.2f} | {won} | {lost} | {gain.min():.2f} |")
    if len(sdr) > 1:
        sdr = sdr[:, : len(configs) + 1]
        chosen = [int(np.delete(sdr, index, axis=0).mean(axis=0).argmax()) for index in range(len(sdr))]
        reached = sdr[np.arange(len(sdr)), chosen].mean()
        times = ", ".join(f"{names[one]} {chosen.count(one)} times" for one in sorted(set(chosen)))
        print(f"\nbest on the other tracks, leaving each out: {times}; {reached:.2f} dB on those left out")


def beginning(audio: sepkit.Audio, seconds: float) -> sepkit.Audio:
    """The first seconds of an audio."""
    length = int(min(audio.length, seconds * audio.sample_rate))
    return sepkit.Audio(audio.samples[:, :length], audio.sample_rate)


def mean_sdr(method: sepkit.Method, mixture: sepkit.Audio, score: Score, stems: dict[str, sepkit.Audio]) -> float:
    """Over the stems, the score moved where it clearly fits better, as is the default."""
    separation = method.separate(mixture, sources=list(stems), score=score)
    return float(np.mean(list(evaluate(separation, stems, metrics=["sdr"]).values["SDR"].values())))


if __name__ == "__main__":
    main()
