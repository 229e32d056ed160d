"""Measuring how good a separation is: metrics, datasets, benchmarks.

Metrics and datasets are published by plugins like methods are; `evaluate` measures estimates against references, and
`benchmark` runs methods over datasets.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
