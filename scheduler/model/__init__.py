"""Tables of the scheduler: meetings, invitations, occupied times, actions, attendance, the floor.

Contract: on the same base as the directory's tables, to which they refer. One class a
table, no behaviour. Left out: queries, which live beside the rules they serve.
"""

from scheduler.model.facts import AttendanceFact, FloorEvent, FloorState
from scheduler.model.meetings import Action, Invitation, Meeting, Slot

__all__ = ["Action", "AttendanceFact", "FloorEvent", "FloorState", "Invitation", "Meeting", "Slot"]
