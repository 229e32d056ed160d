"""Repeating a separation from its record."""
