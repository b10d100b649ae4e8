"""The steps by which a site comes into use. Pure.

A site is planned, then its equipment is installed, then it is accepted, then in use. It goes one
step at a time; what was not accepted goes back a step, and what is in use goes back to installed
when its equipment is replaced, to be accepted anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from directory.model.sites import COMMISSIONING

STEPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "planned": ("installed",),
        "installed": ("accepted", "planned"),
        "accepted": ("in_use", "installed"),
        "in_use": ("installed",),
    }
)
"""From each state the ones that may follow, the usual one first."""


def may_step(before: str, after: str, *, through: bool = False) -> bool:
    """Whether ``after`` may follow ``before``; the same state may always stay.

    ``through`` allows forward over several steps, for tables that tell how far a site has come.
    """
    if before not in COMMISSIONING or after not in COMMISSIONING:
        return False
    if before == after or after in STEPS[before]:
        return True
    return through and COMMISSIONING.index(before) < COMMISSIONING.index(after)
