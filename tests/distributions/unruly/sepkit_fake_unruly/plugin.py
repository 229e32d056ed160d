"""Hooks of the plugin whose method misbehaves."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="unruly",
        summary="does to its process what it is told",
        factory="sepkit_fake_unruly.separator:Unruly",
        config="sepkit_fake_unruly.config:UnrulyConfig",
        needs=("sources",),
        traits=frozenset({"trainable", "arbitrary-names"}),
    )
