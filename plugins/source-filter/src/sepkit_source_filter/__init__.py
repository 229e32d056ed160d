"""Differentiable source-filter models for music source separation, given F0 or a score."""
