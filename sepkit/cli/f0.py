"""``sepkit f0``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sepkit.cli.given import f0_files
from sepkit.cli.options import align_option, parts_option
from sepkit.cli.printing import complain, print_json
from sepkit.cli.progress import progress, progress_option
from sepkit.errors import ConfigError, SepkitError
from sepkit.files import file_names, staged_folder, writable_folder
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.parts import read_with_parts
from sepkit.music.side import SideInformation
from sepkit.opening import composed
from sepkit.plugin.stdout import kept_from_stdout
from sepkit.problem.run import Run

if TYPE_CHECKING:
    from sepkit.alignment.fitting import Aligning

PICTURE = "f0.png"


@click.command()
@click.argument("mixture", metavar="MIX", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for <source>.csv.")
@click.option("--sources", default="", help="Names of the wanted tracks: soprano,alto; all that are known if left out.")
@click.option("--score", "score_path", type=click.Path(path_type=Path), help="The score: MIDI, MusicXML or CSV.")
@parts_option
@align_option
@click.option(
    "--f0",
    "f0_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="F0 to start from, as <source>.csv, or a folder of such; may be repeated.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random numbers.")
@progress_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    mixture: Path,
    output: Path,
    sources: str,
    score_path: Path | None,
    parts: str,
    align: Aligning,
    f0_paths: tuple[Path, ...],
    seed: int,
    style: str,
    as_json: bool,
) -> None:
    """Find the fundamental frequency of every source in the recording MIX.

    With a score, or with F0 tracks that are a little off, every track is made to follow the recording. Without either,
    the recording has to be of one voice alone. Writes <source>.csv with seconds and Hz, 0 where unvoiced, and a picture
    over the spectrogram.
    """
    from sepkit.alignment.fitting import fitted
    from sepkit.solving.digests import digest

    if align == "always" and score_path is None:
        raise ConfigError("--align needs a score to align; give one with --score")
    names = [composed(name.strip()) for name in sources.split(",")] if sources else []
    score = None if score_path is None else read_with_parts(score_path, parts)
    tracks = {name: F0Track.read(file) for name, file in f0_files(f0_paths).items()}
    with (
        writable_folder(output),
        progress(style, mixture.name) as reporter,
        kept_from_stdout(),
        Run(seed=seed, reporter=reporter) as run,
    ):
        audio = Audio.read(mixture)
        fit = None
        if score is not None:
            fit = fitted(audio, score, align, reporter, heard=score.heard_in == digest(audio))
        remarks = [*audio.remarks, *(fit.score.remarks if fit else ()), *((fit.remark,) if fit and fit.remark else ())]
        known = SideInformation(fit.score if fit else None, tracks)
        found = _followed(audio, known, names, run) if fit or tracks else _alone(audio, names, mixture, run)
        files = _write(output, audio, found)
    remarks += run.remarks
    for remark in remarks:
        complain(f"note on {mixture}: {remark}")
    if as_json:
        written = {name: str(file) for name, file in files.items()}
        print_json({"mixture": str(mixture), "files": written, "remarks": remarks}, indent=None)
    else:
        for file in files.values():
            click.echo(file)


def _followed(audio: Audio, known: SideInformation, names: list[str], run: Run) -> dict[str, F0Track]:
    import numpy as np

    from sepkit.informed.f0_known import known_f0, known_sources
    from sepkit.informed.f0_told import remark_on_moved_f0, remark_on_notes
    from sepkit.informed.f0_tracking import track_f0
    from sepkit.solving.telling import remarks_on_known

    run.remarks += remarks_on_known(known, audio)
    remark_on_notes(known, run)
    found = track_f0(audio, known, names or known_sources(known), run)
    for name, track in found.items():
        (given_hz,) = known_f0(known, (name,), track.times_s)
        remark_on_moved_f0(name, 1200 * np.log2(track.f0_hz / given_hz), run)
    return found


def _alone(audio: Audio, names: list[str], mixture: Path, run: Run) -> dict[str, F0Track]:
    from sepkit.informed.f0_alone import f0_alone

    if len(names) > 1:
        raise ConfigError(
            f"F0 of {len(names)} sources cannot be found without a score or F0 tracks: give --score or --f0, or name "
            "one source of a recording of it alone"
        )
    return {(names or [mixture.stem])[0]: f0_alone(audio, run)}


def _write(folder: Path, audio: Audio, tracks: Mapping[str, F0Track]) -> dict[str, Path]:
    """Write all tracks and their picture, or none of them."""
    stems = file_names(tracks)
    with staged_folder(folder) as staging:
        for name, track in tracks.items():
            track.write(staging / f"{stems[name]}.csv")
        try:
            from sepkit.plots.f0 import plot_f0

            plot_f0(audio, tracks).savefig(staging / PICTURE, dpi=110)
        except SepkitError as error:
            complain(f"no picture: {error}")
    return {name: folder / f"{stem}.csv" for name, stem in stems.items()}
