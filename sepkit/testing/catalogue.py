"""All checks, in the order in which they run: what is declared first, what is done with it after."""

from sepkit.testing import (  # noqa: I001
    spec_checks,
    config_checks,
    construction_checks,
    result_checks,
    purity_checks,
    host_checks,
    hosting_checks,
    device_checks,
    isolation_checks,
    memory_checks,
    statement_checks,
    prior_checks,
    constraint_checks,
)
from sepkit.testing.check import CHECKS

MODULES = (
    spec_checks,
    config_checks,
    construction_checks,
    result_checks,
    purity_checks,
    host_checks,
    hosting_checks,
    device_checks,
    isolation_checks,
    memory_checks,
    statement_checks,
    prior_checks,
    constraint_checks,
)

__all__ = ["CHECKS", "MODULES"]
