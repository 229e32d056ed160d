"""sepkit: separating music into sources with plugins.

A separation problem is a mixture and what is known about it. A `Separator` is a way of solving, a `Prior` says how
likely a value is, a `Constraint` says which values are allowed; each is published by a plugin and discovered at run
time.

Conventions: samples are float32 of shape ``(channels, samples)``; times are in seconds, frequencies in Hz; spectra are
of shape ``(..., bins, frames)``. Nothing global is configured by importing sepkit, and names load when first used.
"""

import lazy_loader

from sepkit.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
