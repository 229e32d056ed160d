"""Measuring how good a separation is."""
