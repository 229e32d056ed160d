"""Implements a hook that does not exist."""
