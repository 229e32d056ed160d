from .method import Method as Method
from .method import separate as separate
from .provenance import Provenance as Provenance
from .separation import Separation as Separation
from .separator import Separator as Separator
