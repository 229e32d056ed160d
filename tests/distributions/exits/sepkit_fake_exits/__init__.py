"""Ends the interpreter while it is imported."""
