"""Scores moved to the times of a recording."""

from sepkit.alignment.alignment import Alignment, align

__all__ = ["Alignment", "align"]
