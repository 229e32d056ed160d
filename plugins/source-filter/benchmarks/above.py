"""How good the band above 8 kHz is: SI-SDR of all below and of that band by itself, by what is done with it.

Shared by the sources' powers in the octave below, or by models that reach up to half the sample rate. Tracks are
folders as for ``ensembles.py``::

    python plugins/source-filter/benchmarks/above.py TRACK [TRACK ...]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal

import sepkit
from sepkit.evaluation import evaluate
from sepkit.evaluation.datasets.folder import Folder

BORDER_HZ = 8000.0


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="+")
    print("| track | the band above | whole | above 8 kHz | time |\n| --- | --- | ---: | ---: | ---: |", flush=True)
    for path in parser.parse_args().tracks:
        (track,) = Folder(path=path).tracks()
        mixture, stems = track.load_mixture(), track.load_stems()
        known: dict[str, Any] = {"f0": track.load_f0()} if track.f0 else {"score": track.load_score()}
        options = {"mixture": None, "shared": {}, "models up to the top": {"highest_hz": mixture.sample_rate / 2}}
        for name, config in options.items():
            started = time.process_time()
            if config is None:
                found: Mapping[str, sepkit.Audio] = dict.fromkeys(stems, mixture)
            else:
                found = sepkit.separate(mixture, "source-filter", sources=list(stems), config=config, **known).stems
            seconds = (time.process_time() - started) / mixture.duration_s
            above = si_sdr({stem: high(audio) for stem, audio in found.items()}, stems, high)
            print(f"| {track.name} | {name} | {si_sdr(found, stems):.1f} | {above:.1f} | {seconds:.2f} |", flush=True)


def si_sdr(found: Mapping[str, sepkit.Audio], stems: Mapping[str, sepkit.Audio], of: Any = None) -> float:
    """Mean over the stems, in dB."""
    truth = {name: of(stem) if of else stem for name, stem in stems.items()}
    return float(np.mean(list(evaluate(dict(found), truth, metrics=["si-sdr"]).values["SI-SDR"].values())))


def high(audio: sepkit.Audio) -> sepkit.Audio:
    """The band above the border by itself."""
    sections = scipy.signal.butter(8, BORDER_HZ, "highpass", fs=audio.sample_rate, output="sos")
    return sepkit.Audio(scipy.signal.sosfiltfilt(sections, audio.samples).astype(np.float32), audio.sample_rate)


if __name__ == "__main__":
    main()
