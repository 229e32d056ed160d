from .method import Method as Method
from .provenance import Provenance as Provenance
from .separating import separate as separate
from .separation import Separation as Separation
from .separator import Separator as Separator
