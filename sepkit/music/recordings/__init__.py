"""Recordings in files: containers, codecs, and what recorders and pipes leave damaged."""
