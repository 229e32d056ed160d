from .canvas import write_figure as write_figure
from .factors import plot_factors as plot_factors
from .score import plot_score as plot_score
from .separation import plot_separation as plot_separation
