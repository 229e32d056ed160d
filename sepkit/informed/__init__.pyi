from .atoms import score_atoms as score_atoms
from .harmonics import partial_lobes as partial_lobes
from .harmonics import partials_hz as partials_hz
from .parts_asked import remark_on_late_notes as remark_on_late_notes
from .parts_asked import require_parts as require_parts
from .parts_asked import wanted_parts as wanted_parts
