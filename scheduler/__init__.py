"""Meetings over time: series and occurrences, conflicts, invitations, floor, attendance.

Contract: state is stored and claimed by compare-and-swap; the scheduler only
wakes functions that do due work. May import ``directory`` and, of
``signaling``, tokens and the RoomService client. Left out: pages, monitors.
"""
