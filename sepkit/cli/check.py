"""``sepkit check``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import click

from sepkit.cli.completing import names_of
from sepkit.cli.group import discover
from sepkit.cli.printing import print_json
from sepkit.plugin.stdout import kept_from_stdout
from sepkit.testing.outcome import Outcome, Status
from sepkit.testing.runner import BoundCheck, bind_checks

_MARKS: dict[Status, str] = {"passed": "✓", "failed": "✗", "skipped": "-", "expected-failure": "x"}


@click.command()
@click.argument("name", shell_complete=names_of("separators", "priors", "constraints"))
@click.option(
    "--weights", type=click.Path(path_type=Path), help="Folder or file of trained weights, or name of published ones."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, name: str, weights: Path | None, as_json: bool) -> int:
    """Check that the method, prior or constraint NAME keeps the promises that plugins make.

    Exits with 0 when no check failed.
    """
    checks = bind_checks(name, registry=discover(ctx), weights=weights)
    outcomes = []
    for outcome in _run(checks):
        outcomes.append(outcome)
        if not as_json:
            click.echo(_line(outcome))
    counts = Counter(outcome.status for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    if as_json:
        report = {
            "name": name,
            "kind": checks[0].subject.kind,
            "counts": {status: counts[status] for status in _MARKS},
            "seconds": round(seconds, 3),
            "outcomes": [{**asdict(outcome), "seconds": round(outcome.seconds, 3)} for outcome in outcomes],
        }
        print_json(report)
    else:
        told = ", ".join(f"{counts[status]} {status}" for status in _MARKS if counts[status])
        click.echo(f"{checks[0].subject.kind} {name}: {told} in {seconds:.1f} s")
    return 1 if counts["failed"] else 0


def _run(checks: Iterable[BoundCheck]) -> Iterator[Outcome]:
    """Run one check after the other, telling people at a terminal which one it is."""
    told = sys.stderr.isatty()
    for check in checks:
        if told:
            click.echo(f"\r\x1b[K{check.name} ...", nl=False, err=True)
        # Whatever a plugin prints must not get between the results on stdout.
        with kept_from_stdout():
            outcome = check.run()
        if told:
            click.echo("\r\x1b[K", nl=False, err=True)
        yield outcome


def _line(outcome: Outcome) -> str:
    line = f"{_MARKS[outcome.status]} {outcome.check}"
    return f"{line}: {outcome.message}" if outcome.message else line
