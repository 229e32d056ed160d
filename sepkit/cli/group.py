"""The root command and what its subcommands share."""

from __future__ import annotations

import importlib
from typing import Any

import click

from sepkit.cli.examples import EXAMPLES
from sepkit.cli.printing import complain
from sepkit.errors import Cancelled, one_line
from sepkit.plugin.registry import Registry
from sepkit.version import __version__

COMMANDS = {
    "adapt": "adapt trained weights to a recording by passages that sources play alone",
    "align": "move the notes of a score to where a recording plays them",
    "benchmark": "run methods over datasets and report their quality",
    "check": "check that a method, prior or constraint keeps its promises",
    "datasets": "list datasets, describe, verify and split one",
    "demo": "separate a bundled recording and measure the result",
    "env": "show versions, devices, threads, codecs and folders, for a report of a bug",
    "evaluate": "measure estimates against the true stems",
    "f0": "find the fundamental frequency of every source in a recording",
    "fetch": "download weights of a method or prior, after showing their licence",
    "list": "list methods, priors, constraints, metrics and datasets",
    "new": "write a plugin to start from",
    "plugins": "show every plugin and its state",
    "run": "separate recordings",
    "score": "list the parts of a score, their notes and ranges, and what had to be mended",
    "serve": "separate for others: a page and HTTP, or standard input and output",
    "show": "show what a method, prior or constraint does and its options",
    "suggest": "say which methods suit a recording and what is known of it",
    "train": "train a method or a prior on recordings of stems",
    "weights": "list the weights of methods and priors, their licences and where they lie",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            # Click itself would write an empty line to stderr first.
            raise Cancelled("cancelled") from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"sepkit.cli.{cmd_name}").command
        if examples := EXAMPLES.get(cmd_name):
            command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, invoke_without_command=True)
@click.option("--no-plugins", is_flag=True, help="Load no plugins, only what is built in.")
@click.option("--debug", is_flag=True, help="Show a traceback with every error.")
@click.version_option(__version__)
@click.pass_context
def root(ctx: click.Context, no_plugins: bool, debug: bool) -> None:
    """Separate music into its sources, with methods that are installed as plugins."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    ctx.obj = {"disabled": {"*"} if no_plugins else None}


def discover(ctx: click.Context) -> Registry:
    """The registry of this call; plugins that failed are named on stderr, once."""
    registry = Registry.discover(disabled=ctx.obj["disabled"])
    for record in registry.problems:
        remedy = f"see: sepkit plugins {record.name}; silence with SEPKIT_DISABLE_PLUGINS={record.name}"
        state = f"plugin '{record.name}' is left out ({record.state.value})"
        complain(f"{state}: {one_line(record.reason, 180)} ({remedy})")
    return registry
