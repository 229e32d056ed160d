"""Interleaved multi-decoder networks: one encoder for all sources, and a decoder for each."""
