"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The machines are noisy: how long an example took says nothing about the code.
settings.register_profile("diemcau", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("diemcau")
