"""Raises while it is imported."""
