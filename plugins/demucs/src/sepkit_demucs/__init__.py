"""Hybrid Transformer Demucs: networks of the package demucs, read and applied by sepkit."""
