from .method import Method as Method
from .method import separate as separate
from .provenance import Provenance as Provenance
from .run import Cancel as Cancel
from .run import Progress as Progress
from .run import Run as Run
from .separation import Separation as Separation
from .separator import Separator as Separator
