"""Where the weights lie that come with the plugin; apart from what reads them, for lists that need no torch."""

from __future__ import annotations

from pathlib import Path


def bundled_weights() -> Path:
    """Folder of the flows that come with the plugin, of toy waveforms."""
    return Path(__file__).parent / "weights"


def bundled_denoisers() -> Path:
    """Folder of the denoisers that come with the plugin, of toy waveforms."""
    return Path(__file__).parent / "denoisers"


def bundled_instruments() -> Path:
    """Folder of the denoisers that come with the plugin, of instruments."""
    return Path(__file__).parent / "instruments"
