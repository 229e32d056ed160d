"""The conformance kit: what sepkit promises to users of plugins, as checks that any plugin can run.

Checks are plain functions, chosen by what a spec declares. Run them at a terminal with ``sepkit check NAME``, or in the
tests of a plugin::

    from sepkit.testing import parametrize_with_checks


    @parametrize_with_checks("nmf")
    def test_conformance(check) -> None:
        check()
"""

from sepkit.testing.outcome import CheckFailed, Outcome
from sepkit.testing.runner import check_constraint, check_prior, parametrize_with_checks, run_checks

__all__ = ["CheckFailed", "Outcome", "check_constraint", "check_prior", "parametrize_with_checks", "run_checks"]
