"""What is heard and what is known of it: audio, scores, fundamental frequencies."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
