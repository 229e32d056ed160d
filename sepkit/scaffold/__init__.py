"""Templates of new plugins, and how they are filled in; ``sepkit new`` is their user.

Templates are text files, so that neither lint nor test runners take them for code of sepkit's own.
"""
