"""The root command and what its subcommands share."""

from __future__ import annotations

import importlib

import click

from sepkit.plugin.registry import Registry

COMMANDS = {
    "demo": "separate a bundled recording and measure the result",
    "list": "list methods, priors and constraints",
    "plugins": "show every plugin and its state",
    "run": "separate recordings",
    "show": "show what a method, prior or constraint does and its options",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"sepkit.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup)
@click.option("--no-plugins", is_flag=True, help="Load no plugins, only what is built in.")
@click.option("--debug", is_flag=True, help="Show a traceback with every error.")
@click.version_option(package_name="sepkit")
@click.pass_context
def root(ctx: click.Context, no_plugins: bool, debug: bool) -> None:
    """Separate music into its sources, with methods that are installed as plugins."""
    ctx.obj = {"disabled": {"*"} if no_plugins else None}


def discover(ctx: click.Context) -> Registry:
    """The registry of this call; plugins that failed are named on stderr, once."""
    registry = Registry.discover(disabled=ctx.obj["disabled"])
    for record in registry.problems:
        remedy = f"see: sepkit plugins {record.name}; silence with SEPKIT_DISABLE_PLUGINS={record.name}"
        click.echo(f"sepkit: plugin '{record.name}' is {record.state.value}: {record.reason} ({remedy})", err=True)
    return registry
