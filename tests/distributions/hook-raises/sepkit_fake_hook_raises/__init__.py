"""Raises after the first of its specs."""
