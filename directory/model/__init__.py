"""Tables of the directory: units, places and endpoints, people, credentials, audit log.

Contract: one class a table, no behaviour but what keeps a row consistent. Other parts
that keep tables put them on the same :class:`~directory.model.base.Base`. Left out:
queries, which live beside the rules they serve.
"""

from directory.model.access import Credential, Session
from directory.model.audit import AuditEntry
from directory.model.base import Base, Instant
from directory.model.people import Person, PersonRole, PersonUnit
from directory.model.sites import Device, Endpoint, Group, GroupMember, Place
from directory.model.units import Unit, UnitSuccessor

__all__ = [
    "AuditEntry",
    "Base",
    "Credential",
    "Device",
    "Endpoint",
    "Group",
    "GroupMember",
    "Instant",
    "Person",
    "PersonRole",
    "PersonUnit",
    "Place",
    "Session",
    "Unit",
    "UnitSuccessor",
]
