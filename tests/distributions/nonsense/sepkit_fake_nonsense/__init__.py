"""Yields what is no spec."""
