"""Whoever came in, as all other parts see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

PrincipalKind: TypeAlias = Literal["person", "site", "agent"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, a site's device, or an agent at a site, at the moment of one request.

    ``id`` is the person's or the endpoint's, ``name`` the login or the endpoint's code, and ``device``
    the site's device or the agent's name. ``unit_ids`` are the units that a person speaks for, or the one
    of the endpoint; ``reach`` has those and, for a person, all below them. Roles and units are those of
    the database at this moment, so a role that was taken away is gone with the next request.
    """

    kind: PrincipalKind
    id: int
    name: str
    session_id: str = field(repr=False)
    credential_id: str
    device: str = ""
    full_name: str = ""
    language: str = "vi"
    roles: frozenset[str] = frozenset()
    unit_ids: frozenset[int] = frozenset()
    reach: frozenset[int] = frozenset()
    must_change: bool = False
    """Whether a person has to choose an own password before anything else."""

    @property
    def actor(self) -> str:
        """How the audit log and meetings name this principal."""
        return f"person:{self.id}" if self.kind == "person" else f"{self.kind}:{self.name}:{self.device}"
