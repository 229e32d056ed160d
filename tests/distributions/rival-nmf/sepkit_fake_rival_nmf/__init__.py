"""Publishes a method that another plugin has already."""
