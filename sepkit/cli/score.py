"""``sepkit score``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sepkit.cli.options import parts_option
from sepkit.cli.printing import console, print_json
from sepkit.errors import one_line
from sepkit.music.parts import read_with_parts
from sepkit.music.pitch import note_name
from sepkit.music.score import Score

_LONGEST_NAME = 60


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@parts_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(file: Path, parts: str, as_json: bool) -> None:
    """List what is read from the score FILE: its parts, their notes and ranges, its length and tempo.

    What had to be mended or decided on the way is listed after them.
    """
    score = read_with_parts(file, parts)
    if as_json:
        whole = {"notes": len(score.notes), "length_s": score.end_s, "tempi_bpm": list(score.tempi_bpm)}
        listed = [_facts(name, score.part(name)) for name in score.parts]
        print_json({"score": str(file), "parts": listed, **whole, "remarks": list(score.remarks)}, indent=None)
        return
    _print_parts(score)
    click.echo(f"\nlength  {score.end_s:.2f} s")
    click.echo(f"tempo   {_tempo(score.tempi_bpm)}")
    for remark in score.remarks:
        click.echo(f"note    {remark}")


def _facts(name: str, part: Score) -> dict[str, Any]:
    pitches = [note.pitch for note in part.notes]
    return {
        "name": name,
        "notes": len(part.notes),
        "lowest_pitch": min(pitches),
        "highest_pitch": max(pitches),
        "lowest": note_name(min(pitches)),
        "highest": note_name(max(pitches)),
        "begin_s": part.notes[0].onset_s,
        "end_s": part.end_s,
    }


def _print_parts(score: Score) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("part", "notes", "range", "from, s", "to, s"):
        table.add_column(title, no_wrap=True, justify="left" if title in ("part", "range") else "right")
    for name in score.parts:
        one = _facts(name, score.part(name))
        range_ = one["lowest"] if one["lowest"] == one["highest"] else f"{one['lowest']} to {one['highest']}"
        table.add_row(
            one_line(name, _LONGEST_NAME), str(one["notes"]), range_, f"{one['begin_s']:.2f}", f"{one['end_s']:.2f}"
        )
    console(folds=False).print(table)


def _tempo(tempi_bpm: tuple[float, ...]) -> str:
    if not tempi_bpm:
        return "none is written"
    lowest, highest = (f"{round(tempo, 2):g}" for tempo in (min(tempi_bpm), max(tempi_bpm)))
    unit = "quarter notes a minute"
    if lowest == highest:
        return f"{lowest} {unit}"
    return f"{lowest} to {highest} {unit}, in {len(tempi_bpm)} marks"
