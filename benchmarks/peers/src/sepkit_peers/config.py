"""Options of the peers: what differs between two rows of a table is the package and nothing else."""

from pydantic import Field

from sepkit.config import Config


class BlindConfig(Config):
    """Options of blind factorisations."""

    rank: int = Field(default=16, ge=1, description="Number of atoms for each source.")
    iterations: int = Field(default=200, ge=1, description="Number of iterations.")


class ScoreConfig(Config):
    """Options of libfmp's score-informed recipe; the defaults are its own."""

    iterations: int = Field(default=60, ge=1, description="Number of iterations.")
    before_s: float = Field(default=0.2, ge=0, description="Tolerance before onsets in seconds.")
    after_s: float = Field(default=0.5, ge=0, description="Tolerance after offsets in seconds.")
