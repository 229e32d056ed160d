"""How a problem is answered: the interface of separators, one run of one, and its result."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
