"""Options in a module that loads SciPy."""

import scipy.signal  # noqa: F401, TID253

from sepkit import Config


class HeavyConfig(Config):
    pass
