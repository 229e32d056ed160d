"""What a shell may complete: names of methods, priors, constraints ..., and of sources of the score."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from click import Context, Parameter
from click.shell_completion import CompletionItem

from sepkit.plugin.registry import Registry

Complete = Callable[[Context, Parameter, str], list[CompletionItem]]


def methods_then_files(ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
    """The method, and after it, or beside a record, recordings."""
    if ctx.params.get("record_path") is None and not ctx.params.get(param.name or ""):
        return names_of("separators")(ctx, param, incomplete)
    return [CompletionItem(incomplete, type="file")]


def names_of(*tables: str, listed: bool = False) -> Complete:
    """Completes names out of some tables of the registry, in a list with commas where it may be one."""

    def complete(ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
        registry = Registry.discover()
        specs = [spec for table in tables for spec in getattr(registry, table).values()]
        return _begun((spec.name for spec in specs), incomplete, listed, {spec.name: spec.summary for spec in specs})

    return complete


def sources(listed: bool = False) -> Complete:
    """Completes names of the parts of the score that is given."""

    def complete(ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
        path: Any = ctx.params.get("score_path")
        if path is None:
            return []
        from sepkit.errors import SepkitError
        from sepkit.music.parts import read_with_parts

        try:
            return _begun(read_with_parts(path, ctx.params.get("parts") or "track").parts, incomplete, listed, {})
        except SepkitError:
            # The command will say what is wrong with it.
            return []

    return complete


def _begun(names: Iterable[str], incomplete: str, listed: bool, help_of: dict[str, str]) -> list[CompletionItem]:
    before, comma, begun = incomplete.rpartition(",") if listed else ("", "", incomplete)
    there = set(before.split(","))
    return [
        CompletionItem(before + comma + name, help=help_of.get(name))
        for name in sorted(set(names))
        if name.startswith(begun) and name not in there
    ]
