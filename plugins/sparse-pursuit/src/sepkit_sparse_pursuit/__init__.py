"""Blind separation of instruments by their tones, for sepkit.

The model of tones, the pursuit and the learning of dictionaries work on any magnitude spectra on a logarithmic axis and
are open to other plugins; the separator `SparsePursuit` puts them to work on recordings.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "beurling": ["Convolution", "Prox", "Solution", "solve"],
        "beurling_separator": ["BeurlingLasso"],
        "config": ["BeurlingLassoConfig", "SparsePursuitConfig", "ToneConfig"],
        "dictionary": ["BlockAdam", "Learning", "dictionary_gradient", "random_instruments"],
        "lines": ["most_likely", "registers"],
        "log_axis": ["LogAxis"],
        "log_spectrogram": ["MelSmoothing", "PeakDrawing"],
        "peaks": ["Peaks", "find_peaks"],
        "pursuit": ["Found", "pursue"],
        "refinement": ["ToneModel", "refine"],
        "separator": ["SparsePursuit"],
        "tones": ["Partials", "Tones", "overtone_offsets", "pattern_derivatives", "patterns"],
        "voices": ["Voices", "find_voices", "follow_voices", "ticks_for"],
    },
)
