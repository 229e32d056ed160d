"""The version of sepkit."""

__version__ = "0.1.0"
