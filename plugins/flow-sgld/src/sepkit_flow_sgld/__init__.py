"""Separation by annealed Langevin sampling under priors of the sources: a plugin of sepkit."""
