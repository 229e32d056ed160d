"""The profile that gives fuzz targets ten thousand inputs, new ones every time: ``--hypothesis-profile=fuzz``."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("fuzz", max_examples=10_000, deadline=None, derandomize=False)
