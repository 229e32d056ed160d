from .benchmarking.runner import benchmark as benchmark
from .dataset import Dataset as Dataset
from .dataset import Track as Track
from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate as evaluate
from .metric import Figure as Figure
from .metric import Metric as Metric
from .stems import Stems as Stems
