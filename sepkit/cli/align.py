"""``sepkit align``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sepkit.cli.printing import complain, print_json
from sepkit.cli.progress import progress, progress_option
from sepkit.errors import ConfigError, SepkitError
from sepkit.files import atomic_path, require_writable_file
from sepkit.music.audio import Audio
from sepkit.music.mend import remark
from sepkit.music.score import Score
from sepkit.plugin.stdout import kept_from_stdout

if TYPE_CHECKING:
    from sepkit.alignment import Alignment

_SCORES = (".mid", ".midi")
_PICTURES = (".png", ".pdf", ".svg")


@click.command()
@click.argument("mixture", metavar="MIX", type=click.Path(path_type=Path))
@click.argument("score", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The aligned score: ALIGNED.mid.")
@click.option(
    "--backend",
    type=click.Choice(["auto", "synctoolbox", "builtin"]),
    default="auto",
    show_default=True,
    help="What finds the path; auto is builtin.",
)
@click.option(
    "--plot", "picture", type=click.Path(path_type=Path), help="Picture, as .png, .pdf or .svg  [default: ALIGNED.png]"
)
@progress_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    mixture: Path, score: Path, output: Path, backend: Any, picture: Path | None, style: str, as_json: bool
) -> None:
    """Move the notes of SCORE to where the recording MIX plays them.

    Writes the moved score as MIDI, one track a part, and a picture of the notes over what sounds and of the path
    between the two. A score that is not of this recording is refused.
    """
    from sepkit.alignment import align

    _require(output, _SCORES, "the aligned score")
    _require(picture or output.with_suffix(".png"), _PICTURES, "the picture")
    with progress(style, mixture.name) as reporter, kept_from_stdout():
        audio = Audio.read(mixture)
        alignment = align(audio, Score.read(score), backend=backend, reporter=reporter)
    alignment.score.write(output)
    drawn = _draw(alignment, picture or output.with_suffix(".png"), wanted=picture is not None)
    for told in audio.remarks:
        complain(f"note on {mixture}: {told}")
    on_score = (*alignment.score.remarks, *_rounded(alignment.score))
    for told in on_score:
        complain(f"note on {score}: {told}")
    if as_json:
        record = {
            "mixture": str(mixture),
            **_measured(alignment),
            "remarks": [*audio.remarks, *on_score],
        }
        record |= {"score": str(output), "picture": None if drawn is None else str(drawn)}
        print_json(record, indent=None)
    else:
        click.echo(_told(alignment))
        click.echo(f"score    {output}")
        if drawn is not None:
            click.echo(f"picture  {drawn}")


def _rounded(score: Score) -> tuple[str, ...]:
    """What MIDI cannot hold of a score."""
    onsets_s = [note.onset_s for note in score.notes if note.pitch % 1]
    one, several = "note lies between two semitones and is", "notes lie between two semitones and are"
    return (remark(onsets_s, f"{one} rounded in MIDI", f"{several} rounded in MIDI"),) if onsets_s else ()


def _require(path: Path, suffixes: tuple[str, ...], what: str) -> None:
    """Be sure that `path` can be written before any work is done."""
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f"{what} cannot be written as '{path.name}': give a name in {', '.join(suffixes)}")
    require_writable_file(path)


def _draw(alignment: Alignment, path: Path, wanted: bool) -> Path | None:
    """Write the picture; without matplotlib there is none, which is an error only if it was asked for."""
    try:
        figure = alignment.plot()
    except SepkitError as error:
        if wanted:
            raise
        complain(f"no picture: {error}")
        return None
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower()[1:], dpi=110)
    return path


def _measured(alignment: Alignment) -> dict[str, Any]:
    return {
        "notes": len(alignment.score.notes),
        "mean_shift_s": round(alignment.mean_shift_s, 6),
        "worst_shift_s": round(alignment.worst_shift_s, 6),
        "cost": round(alignment.cost, 6),
        "tuning_cents": round(alignment.tuning_cents, 3),
        "backend": alignment.backend,
    }


def _told(alignment: Alignment) -> str:
    from sepkit.alignment.alignment import LARGEST_COST

    moved = f"{alignment.mean_shift_s:.3f} s on average, {alignment.worst_shift_s:.3f} s at most"
    return "\n".join(
        (
            f"notes    {len(alignment.score.notes)}, moved by {moved}",
            f"cost     {alignment.cost:.2f}, at most {LARGEST_COST} is accepted",
            f"tuning   {alignment.tuning_cents:+.0f} cents",
            f"backend  {alignment.backend}",
        )
    )
