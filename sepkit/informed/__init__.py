"""What methods share that are informed by a score or a fundamental frequency."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
