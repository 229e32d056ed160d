"""Metrics that come with sepkit."""
