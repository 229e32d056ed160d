"""Where the weights lie that come with the plugin; apart from what reads them, for lists that need no torch."""

from __future__ import annotations

from pathlib import Path


def bundled_weights() -> Path:
    """Folder of the weights that come with the plugin, of drums, bass and the rest."""
    return Path(__file__).parent / "weights"
