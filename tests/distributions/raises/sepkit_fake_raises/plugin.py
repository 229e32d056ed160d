"""Raises while it is imported."""

SEPKIT_API = 1

raise RuntimeError("no licence\nfor this machine")
