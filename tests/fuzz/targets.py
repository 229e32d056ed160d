"""What makes a test a fuzz target."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_FEWEST = 300

fuzzed = settings(
    max_examples=max(_FEWEST, settings().max_examples),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Some hundred inputs, or as many as the profile says: the same ones every time, so that what fails is due to a change,
or new ones with the profile `fuzz`."""
